"""Credentials that gl gets for its providers, and renews in the background.

aws_signing        signs requests for AWS
aws_credentials    the credentials for it
aws_botocore       looks them up and makes signatures, by botocore
provider_tokens    tokens for providers that take them in place of a key
entra_credential   gets those of Entra ID, by Microsoft's library
google_credential  gets those of Google Cloud, by Google's library
renewal            when a credential is renewed next
clock_skew         how far the clock of this machine is off

The libraries take long to import. They are imported in a thread, and only if a provider needs them.
"""

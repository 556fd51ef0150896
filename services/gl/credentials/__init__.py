"""Credentials that gl gets for its providers, and renews in the background.

aws_signing       signs requests for AWS
aws_botocore      the credentials of AWS, by botocore
entra_tokens      tokens of Entra ID
entra_credential  gets them, by Microsoft's library

The libraries take long to import. They are imported in a thread, and only if a provider needs them.
"""

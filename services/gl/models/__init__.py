"""Models: what clients may ask for, the providers that serve it, and which of them a call tries in which order. Pure.

provider   the API of a provider: its address and credentials
profile    how APIs that speak OpenAI's dialect differ from each other
model      a name that clients use, its targets, and the strategy that orders them
registry   all providers and models of a config; resolves a name
ordering   the order of a model's targets, by strategy
resolving  a name → candidates, in the order in which they are tried
rules      the rules of the config about models and providers
address    the addresses of a provider's endpoints, and the headers that it requires
"""

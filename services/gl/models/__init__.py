"""Models: what clients may ask for, the providers that serve it, and which of them a call tries in which order. Pure.

provider   an API of somebody's, its address and credentials
profile    how APIs that speak OpenAI's dialect differ from each other
model      a name that clients use, its targets, and the strategy that orders them
registry   all providers and models of a config; finds what a name means
ordering   the order of a model's targets, by strategy
resolving  a name → candidates, in the order in which they are tried
rules      what a config file may say of all this
address    where a provider's endpoints are, and the headers that it wants
"""

"""gui: the web interface and control plane of an appliance.

web            routes with their permissions, visits, sign-in, cross-site checks, rendering
store          users, sessions, API tokens and the audit log, in `data/gui.db`
live           calls as they end, from the bus
pages          the pages; each module has its routes and what it adds to the navigation
configuration  the pages of config files: drafts, forms, archive, deploy
api            the management API, and its OpenAPI document
assets         style sheets, scripts and icons
"""

"""The pages. A module has handlers, the `ROUTES` that lead to them, and its entries of the navigation, `NAVIGATION`.

How a page is made:

    async def routers(visit: Visit) -> web.StreamResponse:
        return visit.page("configuration/routers.html", title="Routers", routers=...)

    async def save(visit: Visit) -> web.StreamResponse:
        name = visit.form.get("name", "")            # the token of the form was checked already
        await visit.audit("save router", name, before=..., after=...)
        visit.flash("Saved.")
        return visit.redirect("/gl/routers")

    ROUTES = (
        get("/gl/routers", Permission.VIEW, routers),
        post("/gl/routers-submit", Permission.EDIT_CONFIG, save),
    )
    NAVIGATION = (NavigationEntry("Routers", "/gl/routers", "route", place=50),)

A handler takes a `Visit` (web/visit.py) and raises `Refused(status, sentence)` for what cannot be done; GechologError
and OSError become 503 with their message. The template extends `page.html` and fills the block `content`; it writes
links as `link("/gl/routers", key=…)`, icons as `icon("route")`, and `{{ csrf }}` into each form. Pure functions make
the values. A module with pages is listed in `services/gui/routes.py`.
"""

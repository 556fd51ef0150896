"""The tutorials. Steps 101 to 505 have the numbers that the original gave them."""

from __future__ import annotations

from services.gui.roles import Permission
from services.gui.tutorials.step import Goal, Page, Step, Tutorial

_ROUTERS = Page("/routers")
_CODE = Page("/routers/code")
_FORM = Page("/config/gl/form")
_GATEWAY = Page("/config/gl")
_DEPLOY = Page("/config/gl/deploy")
_VERSIONS = Page("/config/gl/archive")
_LIVE = Page("/logs")
_KEYS = Page("/keys")
_SINK = Page("/config/nats2file")
_SINK_BUS = Page("/config/nats2file/form", (("at", "/service_bus"),))
_SINK_DEPLOY = Page("/config/nats2file/deploy")
_SINK_VERSIONS = Page("/config/nats2file/archive")
_NEW, _SAVE, _DEPLOY_BUTTON = ".page-actions .btn-primary", "main form .btn-primary", "main form .btn-primary"

NEW_ROUTER = Tutorial(
    "new-router",
    "New router",
    "Give your clients a path of their own to an LLM API.",
    4,
    Permission.EDIT_CONFIG,
    (
        Step(
            101,
            (_ROUTERS,),
            "A router connects a path of this gateway with an LLM API. This page lists all routers of the draft.",
        ),
        Step(
            102,
            (_ROUTERS,),
            (
                "They are grouped by the address that they lead to. Several paths may lead to the same API, "
                "for example with different limits."
            ),
        ),
        Step(
            103,
            (_ROUTERS,),
            "A call goes to the router with the longest path that it begins with: `/team/special/` before `/team/`.",
        ),
        Step(
            104,
            (_ROUTERS,),
            "Press `New router`. It appears in the draft only: clients notice nothing before you deploy.",
            Goal.ROUTER_IN_DRAFT,
            _NEW,
        ),
        Step(
            105,
            (_ROUTERS, _FORM),
            "This is the form of the new router. Some fields are marked: it is not complete yet.",
        ),
        Step(
            106,
            (_ROUTERS, _FORM),
            "Enter a `path` that begins and ends with a slash, for example `/mine/`, and save.",
            mark=_SAVE,
        ),
        Step(
            107,
            (_ROUTERS, _FORM),
            (
                "Under `outbound`, enter the `url` of the API. `http://127.0.0.1:5390` is the dummy LLM of "
                "this appliance, which costs nothing."
            ),
            mark=_SAVE,
        ),
        Step(
            108,
            (_ROUTERS, _FORM),
            (
                "Correct what is still marked, and save until nothing is. To put the router in force, take "
                "the tutorial `Deploy`."
            ),
            Goal.ROUTER_VALID,
        ),
    ),
)
KEY_TRANSLATION = Tutorial(
    "key-translation",
    "Key translation",
    "Clients send a key of yours, and the gateway replaces it by that of the LLM API.",
    8,
    Permission.EDIT_CONFIG,
    (
        Step(
            201,
            (_ROUTERS,),
            (
                "Clients should not know the key of your LLM API. A router can ask for a key of its own, and "
                "send another one on. The tutorial `New router` explains routers."
            ),
        ),
        Step(202, (_ROUTERS,), "Press `New router`.", mark=_NEW),
        Step(203, (_ROUTERS, _FORM), "This is the form of the new router."),
        Step(
            204,
            (_ROUTERS, _FORM),
            "Enter a `path`, for example `/mine/`, and the `url` of the API under `outbound`. Save.",
            mark=_SAVE,
        ),
        Step(
            205,
            (_ROUTERS, _FORM),
            (
                "Under `ingress`, add a header `Api-Key` with the value `${GECHOLOG_API_KEY}`. It is a "
                "variable: set it in the environment of the appliance, so that the key is in no file."
            ),
        ),
        Step(
            206,
            (_ROUTERS, _FORM),
            (
                "Under `outbound`, add the header in which the API expects its key, for example `Api-Key` "
                "with `${AISERVICE_API_KEY}`. Headers in `masked_headers` are hidden in records."
            ),
        ),
        Step(
            207,
            (_ROUTERS, _FORM),
            "Save, and correct what is marked. A variable that is not set leaves the router out.",
            mark=_SAVE,
        ),
        Step(
            208,
            (_ROUTERS, _FORM),
            (
                "To require a header with any value, for example the name of a team, add it under `ingress` "
                "with the value `regex:.+`."
            ),
        ),
        Step(
            209,
            (_ROUTERS, _FORM),
            (
                "Save until nothing is marked. To put it in force, take the tutorial `Deploy`. For many "
                "clients, `Client keys` are better: each has its own key and budget."
            ),
            Goal.KEYS_TRANSLATED,
        ),
    ),
)
DEPLOY = Tutorial(
    "deploy",
    "Deploy",
    "Put a draft in force, without a call being lost.",
    4,
    Permission.EDIT_CONFIG,
    (
        Step(
            401,
            (_GATEWAY,),
            (
                "This is the config of the gateway. If it says that the draft is not valid, open what is "
                "marked. If it differs from the deployed file, press `Deploy`."
            ),
        ),
        Step(
            402,
            (_DEPLOY, _GATEWAY),
            "The page shows the lines that change. The draft is on the right side of the comparison.",
        ),
        Step(
            403,
            (_DEPLOY,),
            "The deployed file is kept as a version when it is replaced, so that you can return to it.",
        ),
        Step(
            404,
            (_DEPLOY,),
            (
                "Press `Deploy`. The gateway checks the file again: calls in flight finish with the old "
                "config, new ones use the new."
            ),
            mark=_DEPLOY_BUTTON,
        ),
        Step(
            405,
            (_GATEWAY, _DEPLOY),
            (
                "The gateway reports the checksum of the config that it has in force. When it is that of the "
                "deployed file, you are done."
            ),
            Goal.GATEWAY_DEPLOYED,
        ),
        Step(
            406,
            (_VERSIONS,),
            "Give the present draft or the deployed file a name to keep it. Then continue with the deployment.",
        ),
    ),
)
LOGGING = Tutorial(
    "logging",
    "Activate logging",
    "Have each call written to a file.",
    7,
    Permission.EDIT_CONFIG,
    (
        Step(
            301,
            (_SINK,),
            (
                "The service `nats2file` writes the records of calls to a file, `log/gecholog.jsonl` in the "
                "home folder. Open `Service bus`."
            ),
        ),
        Step(
            302,
            (_SINK_BUS,),
            (
                "`topic_exact_logger` names where it listens. Enter `coburn.gl.logger`. Without the last part"
                " it hears nothing: that is how it is switched off. The variable "
                "`NATS2FILE_LOGGER_SUBTOPIC=.logger` does the same."
            ),
            mark=_SAVE,
        ),
        Step(303, (_SINK_BUS,), "Save until nothing is marked.", mark=_SAVE),
        Step(
            304,
            (_SINK, _SINK_BUS),
            "If the draft differs from the deployed file, press `Deploy`. If it does not, logging is on already.",
        ),
        Step(305, (_SINK_DEPLOY, _SINK), "The page shows the lines that change."),
        Step(306, (_SINK_DEPLOY,), "The deployed file is kept as a version."),
        Step(307, (_SINK_DEPLOY,), "Press `Deploy`.", mark=_DEPLOY_BUTTON),
        Step(
            308,
            (_SINK, _SINK_DEPLOY),
            "The service reports the checksum that it has in force. Make a call, and look into the file.",
            Goal.FILE_SINK_DEPLOYED,
        ),
        Step(
            309,
            (_SINK_VERSIONS,),
            "Give the present draft or the deployed file a name to keep it. Then continue with the deployment.",
        ),
    ),
)
REQUEST = Tutorial(
    "request",
    "Make a request",
    "Call an LLM through the gateway, and see the call.",
    5,
    Permission.VIEW,
    (
        Step(
            501,
            (_GATEWAY,),
            "The config should be deployed and in production. If it is not, take the tutorial `Deploy` first.",
        ),
        Step(
            502,
            (_ROUTERS,),
            "Choose a router that is valid, and press `Code`. `/dummy/` leads to the dummy LLM of this appliance.",
            mark='a[href*="routers/code"]',
        ),
        Step(
            503,
            (_CODE,),
            (
                "The code is filled in for this router: its address, and the headers that it asks for. Values"
                " that may be secret are variables."
            ),
        ),
        Step(
            504,
            (_CODE,),
            (
                "Choose a language, copy the code, and run it where you want to call the LLM from. On another"
                " machine, replace the host name."
            ),
            mark="[data-copy]",
        ),
        Step(
            505,
            (_CODE, _LIVE),
            (
                "The answer of an LLM has `choices` (OpenAI) or `content` (Anthropic), and the tokens that "
                "were used. `/echo/` answers with your own request."
            ),
            Goal.CALL_SEEN,
        ),
    ),
)
CLAUDE_CODE = Tutorial(
    "claude-code",
    "Connect Claude Code",
    "See what a coding agent asks, and what it costs.",
    4,
    Permission.VIEW,
    (
        Step(
            601,
            (_ROUTERS,),
            (
                "Claude Code speaks the API of Anthropic. The router `/v1/` offers it for all models: those "
                "of Anthropic if `ANTHROPIC_API_KEY` is set for the appliance, and translated those of "
                "others."
            ),
        ),
        Step(
            602,
            (_KEYS,),
            (
                "From another machine, it needs a client key: make one here, or take one that you have. On "
                "this machine any text will do."
            ),
        ),
        Step(
            603,
            (_KEYS, _LIVE),
            (
                "Run this where Claude Code runs, with the address of this gateway: `export "
                "ANTHROPIC_BASE_URL=http://localhost:5380 ANTHROPIC_AUTH_TOKEN=YOUR_KEY`, then `claude`. "
                "`ANTHROPIC_MODEL` chooses a model; `dummy` costs nothing."
            ),
        ),
        Step(604, (_LIVE,), "Ask it something. Its calls have the path `/v1/messages`.", Goal.CLAUDE_CODE_SEEN),
    ),
)
FIRST_KEY = Tutorial(
    "first-key",
    "First client key with a budget",
    "Give a team a key that stops when its money is used up.",
    4,
    Permission.EDIT_KEYS,
    (
        Step(
            701,
            (_KEYS,),
            (
                "With a key of its own, each client has a name in records, limits, and a budget. The gateway "
                "stores only a hash of it."
            ),
        ),
        Step(
            702,
            (_KEYS,),
            (
                "Fill in `New key`: a name, and as the budget `10000 tokens/day`. A budget in US dollars, such as"
                " `1/day`, is for models that have a price; the model `dummy` has none. Press `Create key`."
            ),
            Goal.KEY_MADE,
            _SAVE,
        ),
        Step(
            703,
            (_KEYS,),
            (
                "The key is shown once. Copy it, or one of the calls below it, and run that on any machine. "
                "The model `dummy` is part of this appliance."
            ),
        ),
        Step(
            704,
            (_KEYS, _LIVE),
            (
                "The call has the name of the key. When the budget is used up, the gateway refuses calls with"
                " 429 until the day is over."
            ),
            Goal.KEY_USED,
        ),
    ),
)

TUTORIALS = (NEW_ROUTER, KEY_TRANSLATION, DEPLOY, LOGGING, REQUEST, CLAUDE_CODE, FIRST_KEY)

"""The demo site, which lets workers register functions that are requests to this machine."""

from iii_project.settings import *  # noqa: F403

III_HTTP_FUNCTION_REQUIRE_HTTPS = False
III_HTTP_FUNCTION_ALLOW_PRIVATE = True

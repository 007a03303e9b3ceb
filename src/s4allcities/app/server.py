"""The web server: API, live socket, the page, health and metrics, on uvicorn inside the platform's own loop."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException, PermissionDeniedException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath
from litestar.response import File
from litestar.static_files import create_static_files_router
from litestar.types import Message, Scope

import s4allcities
from s4allcities.awareness.picture import (
    Gate,
    NoAnswer,
    PictureServices,
    ReleaseDesk,
    SessionMiddleware,
    Throttle,
    actions_router,
    entries_router,
    releases_router,
    sessions_router,
    sharing_router,
    views_router,
)
from s4allcities.bus import BusError
from s4allcities.edge.router import HttpDoor, observations_router

from .config import ConfigError, ServerConfig

__all__ = (
    "WebServer",
    "build_app",
    "healthz",
    "metrics",
    "page_folder",
)

CONTENT_SECURITY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; worker-src 'self'; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
HSTS = {"strict-transport-security": "max-age=31536000"}
MAX_SOCKET_MESSAGE_BYTES = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", ""})

log = structlog.get_logger(__name__)


def page_folder() -> Path | None:
    """Give the folder of the built page, or None where it was not built."""
    folder = Path(str(files("s4allcities") / "ui"))
    return folder if (folder / "index.html").exists() else None


@get("/healthz", include_in_schema=False)
async def healthz(state: State) -> Response[dict[str, Any]]:
    """Tell whether the platform works, and which part does not; 503 when one does not."""
    parts: dict[str, bool] = state.health()
    healthy = all(parts.values())
    body = {"ok": healthy, "version": s4allcities.__version__, "parts": parts}
    return Response(body, status_code=200 if healthy else 503)


@get("/metrics", include_in_schema=False, media_type="text/plain")
async def metrics(state: State, request: Request[Any, Any, Any]) -> str:
    """Give the counters in Prometheus' text format; to this machine only unless configured otherwise."""
    host = request.client.host if request.client else ""
    if not state.metrics_open and host not in LOOPBACK:
        raise PermissionDeniedException(
            "Metrics are for this machine; server.metrics_open lets others read them."
        )
    text: str = await state.metrics()
    return text


def _page_routes(folder: Path | None) -> list[Any]:
    if folder is None:
        return [_no_page]
    index = folder / "index.html"
    # Listed once: a name from outside never becomes a path.
    files_by_name = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }

    @get(["/", "/{path:path}"], include_in_schema=False, sync_to_thread=False)
    def page(path: FromPath[str] = "") -> File:
        """Give the page for every address that is not the API's."""
        wanted = path.lstrip("/")
        if wanted == "api" or wanted.startswith("api/"):
            raise NotFoundException("There is no such address in the API; /schema lists what there is.")
        file = files_by_name.get(wanted, index)
        media_type = guess_type(file.name)[0] or "application/octet-stream"
        return File(file, media_type=media_type, content_disposition_type="inline")

    assets = create_static_files_router(
        path="/assets", directories=[folder / "assets"], cache_control=None, include_in_schema=False
    )
    return [page, assets]


@get("/", include_in_schema=False, media_type="text/plain", sync_to_thread=False)
def _no_page() -> str:
    return "The page is not built: run `make setup` (Node 20 or newer). The API is at /api/v1, its schema at /schema."


def _plain_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """One clear line, and what is wrong where in a body."""
    if error.status_code >= 500 and not isinstance(error, NoAnswer):
        return _our_failure(request, error)
    body: dict[str, Any] = {"detail": error.detail}
    if error.extra:
        body["extra"] = error.extra
    return Response(body, status_code=error.status_code, headers=error.headers or {})


def _bus_away(_: Request[Any, Any, Any], error: BusError) -> Response[dict[str, Any]]:
    log.warning("the bus does not answer", error=str(error))
    return Response({"detail": "The bus does not answer now; try again."}, status_code=503)


def _our_failure(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("a request failed", path=request.url.path, exc_info=error)
    return Response({"detail": "Our failure, not yours; the platform's log says more."}, status_code=500)


def _with_headers(headers: dict[str, str]) -> Callable[[Message, Scope], Awaitable[None]]:
    """Put headers on every answer, errors too."""
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def add(message: Message, _: Scope) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *encoded]

    return add


def build_app(
    services: PictureServices,
    gate: Gate,
    door: HttpDoor,
    desk: ReleaseDesk,
    *,
    health: Callable[[], dict[str, bool]],
    metrics_text: Callable[[], Awaitable[str]],
    page: Path | None,
    metrics_open: bool = False,
    secure: bool = False,
) -> Litestar:
    """Put the application together. ``health`` tells part by part what works; ``secure`` = served over TLS."""
    return Litestar(
        route_handlers=[
            views_router(),
            actions_router(),
            entries_router(),
            sessions_router(),
            observations_router(),
            releases_router(),
            sharing_router(),
            healthz,
            metrics,
            *_page_routes(page),
        ],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "desk": Provide(lambda: desk, sync_to_thread=False),
            "door": Provide(lambda: door, sync_to_thread=False),
        },
        middleware=[DefineMiddleware(SessionMiddleware, gate=gate)],
        state=State(
            {
                "gate": gate,
                "health": health,
                "metrics": metrics_text,
                "metrics_open": metrics_open,
                "failures": Throttle(most=10, window_s=60.0),
            }
        ),
        exception_handlers={HTTPException: _plain_error, BusError: _bus_away, Exception: _our_failure},
        before_send=[_with_headers(HEADERS | (HSTS if secure else {}))],
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="S4AllCities",
            version=s4allcities.__version__,
            path="/schema",
            render_plugins=[JsonRenderPlugin()],
        ),
    )


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the platform, which stops its parts in order."""
        yield


def _check_pair(config: ServerConfig) -> None:
    if not config.tls_cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        pair = f"server.tls_cert {config.tls_cert}, server.tls_key {config.tls_key}"
        raise ConfigError(f"{pair}: cannot be used together ({error})") from None


class WebServer:
    """Serves an application until it is told to stop.

    :raises ConfigError: nobody can listen on the address; another program does, or it is not ours; or certificate and
        key do not fit.
    """

    def __init__(self, app: Litestar, config: ServerConfig) -> None:
        _check_pair(config)
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        try:
            self._socket = socket.create_server((config.host, config.port), family=family, backlog=512)
        except OSError as error:
            where = f"server.host {config.host}, server.port {config.port}"
            raise ConfigError(f"{where}: cannot listen there ({error.strerror}); choose another") from None
        self.port = int(self._socket.getsockname()[1])
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                ssl_certfile=config.tls_cert or None,
                ssl_keyfile=config.tls_key or None,
                ws="websockets-sansio",
                ws_max_size=MAX_SOCKET_MESSAGE_BYTES,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=3,
            )
        )

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=[self._socket])

    async def ready(self) -> None:
        """Return when it accepts connections."""
        await self._server.ready.wait()

    def stop(self) -> None:
        """End after the requests under way."""
        self._server.should_exit = True

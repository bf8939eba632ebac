"""The command `serve --ray`: several replicas of the server, behind the HTTP proxies of Ray Serve."""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, redirect_stdout
from dataclasses import replace
from pathlib import Path
from secrets import token_urlsafe
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from monitor.archive.workers import LOCAL, joined, place_of
from monitor.commands.notices import Notices
from monitor.commands.serve import Checked, bound, load, open_lines, shown
from monitor.commands.terminal import Interruption
from stser_core.errors import MissingExtraError, StserError, UsageError, reason
from stser_core.files import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.serve.app import App
    from monitor.serve.peers import Peer
    from monitor.serve.server import Server

_USUAL = 2
_NAME = "stser-monitor"

_EVERY_S = 0.5
_LOST_S = 5.0
"""A replica that does not tell anything for so long is gone, and its place is free."""

_LOOK_S = 0.25
_END_S = 10.0

_NO_ACCESS_LOG = {"enable_access_log": False, "log_level": "ERROR"}


class Board:
    """Where the replicas and the command learn of each other; an actor of Ray.

    Each replica has a place, counted from 1, and with it a folder; one that Ray starts again takes a free one.
    """

    def __init__(self, replicas: int) -> None:
        self._heard_s = dict.fromkeys(range(1, replicas + 1), float("-inf"))
        self._urls: dict[int, str] = {}
        self._said: list[str] = []
        self._failure: tuple[str, int] | None = None
        self._ended: set[int] = set()
        self._stopping = False

    def claim(self) -> int | None:
        """A place that no replica has; `None` while there is none."""
        now_s = time.monotonic()
        for place, heard_s in self._heard_s.items():
            if now_s - heard_s > _LOST_S:
                self._heard_s[place] = now_s
                return place
        return None

    def tell(self, place: int, url: str, said: Sequence[str], ended: bool = False) -> tuple[Mapping[int, str], bool]:
        """Learn where a replica listens and what it says: where all of them do, and whether they are to end."""
        self._heard_s[place] = time.monotonic()
        self._urls[place] = url
        if ended:
            self._ended.add(place)
        if not self._stopping:  # then they lose each other
            self._said += said
        return self._urls, self._stopping

    def fail(self, sentence: str, exit_code: int) -> None:
        """Learn why a replica cannot begin."""
        self._failure = (sentence, exit_code)

    def look(self, stop: bool) -> tuple[list[str], tuple[str, int] | None, int]:
        """Learn whether the replicas are to end: what they said, why one cannot begin, and how many have ended."""
        self._stopping = stop
        said, self._said = self._said, []
        failure, self._failure = self._failure, None
        return list(dict.fromkeys(said)), failure, len(self._ended)


def serve_replicas(checked: Checked, address: str, notices: Notices) -> int:
    """Serve by replicas on a Ray cluster, `auto` or where its head is, until the user ends it.

    Returns:
        128 and the number of the signal that ended it.

    Raises:
        StserError: Something keeps it from that.
    """
    options, count = replace(checked.options, out=checked.options.out.absolute()), checked.options.replicas or _USUAL
    with bound(options.host, options.port) as free:
        where, port = shown(free), free.getsockname()[1]
    os.environ["RAY_SERVE_LOG_TO_STDERR"] = "0"
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), joined(address, count) as ray:
        serve = _ray_serve(address)
        if (there := int(ray.cluster_resources().get("CPU", 0))) < count:
            raise UsageError(f"Each replica takes a CPU of the Ray cluster, which has {there}; --replicas is {count}.")
        board = ray.remote(num_cpus=0)(Board).options(name=_NAME, namespace=_NAME).remote(count)
        try:
            with notices.working(f"starting {count} replicas"):
                _deploy(serve, replace(checked, options=options), port, count)
                while True:
                    _tell(ray.get(board.look.remote(False)), notices, starting=True)
                    time.sleep(_LOOK_S)
                    if _runs(serve):
                        break
            notices.say(f"listening at http://{where}; the timelines go to '{options.out}'.")
            return _watch(board, count, notices)
        except (RuntimeError, ray.exceptions.RayError) as error:
            raise StserError(f"Ray Serve failed ({reason(error)}).") from error
        finally:
            if place_of(address) != LOCAL:  # one that was started here ends as a whole
                serve.shutdown()


def _watch(board: Any, count: int, notices: Notices) -> int:  # noqa: ANN401 (Ray has no types)
    """Say what the replicas say until a signal has ended all of them, or a second one comes: the exit code."""
    import ray

    abort, ended, until_s = Event(), 0, float("inf")
    with Interruption(lambda: None, abort.set) as interruption:
        while ended < count and not abort.is_set() and time.monotonic() < until_s:
            stopping = interruption.received is not None
            if stopping and until_s == float("inf"):
                until_s = time.monotonic() + _END_S
            try:
                ended = _tell(ray.get(board.look.remote(stopping), timeout=_END_S), notices)
            except ray.exceptions.RayError as error:
                if interruption.received is not None:
                    break  # the signal has ended the cluster, too
                if not isinstance(error, ray.exceptions.GetTimeoutError):
                    raise
            time.sleep(_LOOK_S)
    return interruption.exit_code


def _ray_serve(address: str) -> Any:  # noqa: ANN401 (a module)
    """Ray Serve, which does not run on the cluster yet."""
    try:
        from ray import serve
    except ImportError as error:
        raise MissingExtraError("--ray", "ray") from error
    logging.getLogger("ray.serve").setLevel(logging.CRITICAL)
    if serve.status().proxies:
        raise UsageError(f"The Ray cluster at '{address}' runs Ray Serve already; end it with: serve shutdown.")
    return serve


def _tell(looked: tuple[list[str], tuple[str, int] | None, int], notices: Notices, *, starting: bool = False) -> int:
    """Say what the replicas say: how many have ended. While they start, the failure of one is that of the command."""
    said, failure, ended = looked
    for sentence in said:
        notices.say(sentence)
    if failure is not None:
        sentence, exit_code = failure
        if starting:
            raise UsageError(sentence) if exit_code == UsageError.exit_code else StserError(sentence)
        notices.complain(sentence)
    return ended


def _deploy(serve: Any, checked: Checked, port: int, count: int) -> None:  # noqa: ANN401 (Ray has no types)
    """Start the proxies, and have the replicas started."""
    options, token = checked.options, token_urlsafe()
    serve.start("EveryNode", {"host": options.host, "port": port}, logging_config=_NO_ACCESS_LOG)
    deployment = serve.deployment(
        name=_NAME,
        num_replicas=count,
        ray_actor_options={"num_cpus": 1},
        max_ongoing_requests=2 * options.max_lines + 256,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=1,
        logging_config=_NO_ACCESS_LOG,
    )(serve.ingress(lambda: start_replica(checked, token))())
    application = serve.RunTarget(deployment.bind(), name=_NAME, route_prefix="/")
    # Not awaited: a thread that did so would still ask Ray when it is shut down because of a replica's failure, and
    # Ray's library then ends the whole process without a word.
    serve.run_many([application], wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)


def _runs(serve: Any) -> bool:  # noqa: ANN401 (Ray has no types)
    """Whether all replicas answer; raises `RuntimeError` where Ray gave up starting them."""
    state = serve.status().applications[_NAME]
    if state.status == "DEPLOY_FAILED":
        raise RuntimeError(state.message)
    return bool(state.status == "RUNNING")


def start_replica(checked: Checked, token: str) -> App:
    """Start one replica, in its process and event loop, and make what answers the requests that Ray brings.

    The replicas show each other `token` where the user gave none.
    """
    import asyncio

    import ray

    from monitor.serve.events import EventLog
    from monitor.serve.metrics import Metrics
    from monitor.serve.peers import Peer
    from monitor.serve.security import Access
    from monitor.serve.server import Server

    board, said, cleanup = ray.get_actor(_NAME, namespace=_NAME), list[str](), ExitStack()
    notices = Notices(quiet=False)
    notices.divert(said.append)
    token, here = checked.token or token, ray.util.get_node_ip_address()
    _listen_only_at(here)
    try:
        models = load(checked, notices)
        place: int | None = None
        while (place := place or ray.get(board.claim.remote())) is None:
            time.sleep(_EVERY_S)
        if place > 1:
            said.clear()  # of the models, all say the same
        folder = checked.options.out / f"replica_{place}"
        cleanup.enter_context(locked(folder, folder / ".lock"))
        log, inner = EventLog(place), cleanup.enter_context(bound(here, 0))
        lines = open_lines(checked, folder, models, log, Metrics(notices.say), cleanup)
        server = Server(lines, checked.access, sockets=[inner], replicas=Access(token))
    except StserError as error:
        ray.get(board.fail.remote(str(error), error.exit_code))
        raise

    def tell() -> None:
        url = f"http://{shown(inner)}"
        _follow(board, place, url, said, server, lambda other, its: Peer(its, token, log, notices.say, other))
        server.stop()
        cleanup.close()
        ray.get(board.tell.remote(place, url, said, ended=True))

    asyncio.get_running_loop().create_task(server.serve())
    Thread(target=tell, name="board", daemon=True).start()
    return server.app


def _follow(
    board: Any,  # noqa: ANN401 (Ray has no types)
    place: int,
    url: str,
    said: list[str],
    server: Server,
    peer: Callable[[int, str], Peer],
) -> None:
    """Tell the board of the replica at a place, and follow the others, until all are to end."""
    import ray

    peers: dict[int, Peer] = {}
    ending = False
    while not ending:
        new = len(said)
        urls, ending = ray.get(board.tell.remote(place, url, said[:new]))
        del said[:new]
        for other, its in urls.items():
            if other != place and (other not in peers or peers[other].url != its):
                peers[other] = peer(other, its)
        server.follow(list(peers.values()))
        time.sleep(_EVERY_S)


def _listen_only_at(address: str) -> None:
    """Keep Ray from opening a replica's port for gRPC, which nothing here uses, on all interfaces of the machine."""
    from grpc.aio import _server

    add_port = _server.Server.add_insecure_port

    def add_port_there(server: Any, asked: str) -> int:  # noqa: ANN401 (gRPC has no types)
        return int(add_port(server, asked.replace("[::]", f"[{address}]" if ":" in address else address)))

    _server.Server.add_insecure_port = add_port_there

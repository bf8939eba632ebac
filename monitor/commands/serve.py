"""The command `serve`: checks what was asked for, loads the models, and runs the server."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from socket import AI_PASSIVE, SOCK_STREAM, create_server, getaddrinfo, socket
from typing import TYPE_CHECKING

from monitor.alerts import AlertCommand, parse, require_speakers
from monitor.archive.workers import processors
from monitor.commands.live import alert_command
from monitor.commands.models import load_models, warm_up
from monitor.commands.notices import Notices, warn_of_agents
from monitor.commands.terminal import Interruption
from monitor.options import ScoringOptions, ServeOptions
from monitor.roles import MIX, Role, named
from monitor.serve.security import Access, Limits, is_loopback
from monitor.transcribers import NoTranscriber
from stser_core.errors import MissingExtraError, UsageError, reason
from stser_core.files import locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.alerts import Rule
    from monitor.pipeline.opening import Models
    from monitor.serve.events import EventLog
    from monitor.serve.lines import Lines
    from monitor.serve.metrics import Metrics

_NAMES = "customer,agent"

_LAST_PORT = 65_535

_AT_ONCE = 2
"""Turns scored at the same time on each processor: a thread that scores waits for Python's lock, which the threads of
all lines need, for more than half of its time."""


@dataclass(frozen=True)
class Checked:
    """What was asked for, where nothing is wrong with it; Ray brings it to the replicas."""

    options: ServeOptions
    names: tuple[str, ...]  # speakers of the usual channels
    rules: tuple[Rule, ...]
    command: list[str] | None  # the words of `--on-alert`
    token: str | None  # what everybody has to show
    twilio_token: str | None  # with which Twilio signs
    secret: str | None  # that of the webhook

    @property
    def access(self) -> Access:
        """Who may ask the server."""
        return Access(self.token, self.twilio_token)


def serve(options: ServeOptions, *, quiet: bool = False) -> int:
    """Serve until the user ends it.

    Whatever can be wrong is checked first, and the models are warm before the first stream is taken.

    Returns:
        128 and the number of the signal that ended it.

    Raises:
        StserError: Something keeps it from that.
    """
    try:
        from monitor.serve.events import EventLog
        from monitor.serve.metrics import Metrics
        from monitor.serve.peers import Peer
        from monitor.serve.server import Server
    except ImportError as error:
        raise MissingExtraError("The server", "serve") from error
    notices = Notices(quiet)
    checked = _checked(options, notices)
    if options.ray is not None:
        from monitor.commands.replicas import serve_replicas

        with locked(options.out, options.out / ".lock"):
            return serve_replicas(checked, options.ray, notices)
    allowed = _allowed(options.audiosocket_from)
    tls = (options.tls_cert, options.tls_key) if options.tls_cert and options.tls_key else None
    metrics, log = Metrics(notices.say), EventLog()
    peers = [Peer(url, checked.token, log, notices.say) for url in options.peer or ()]
    with ExitStack() as cleanup:
        cleanup.enter_context(locked(options.out, options.out / ".lock"))
        main, audiosocket = _sockets(options, cleanup)
        server = Server(
            open_lines(checked, options.out, load(checked, notices), log, metrics, cleanup),
            checked.access,
            sockets=[main],
            audiosocket=audiosocket,
            allowed=allowed,
            tls=tls,
        )
        server.follow(peers)
        notices.say(f"listening at {'https' if tls else 'http'}://{shown(main)}; the timelines go to '{options.out}'.")
        if audiosocket is not None:
            notices.say(f"listening for AudioSocket at {shown(audiosocket)}.")
        with Interruption(server.stop, server.abort) as interruption:
            server.run()
    return interruption.exit_code


def load(checked: Checked, notices: Notices) -> Models:
    """Load the models, and warm them up."""
    from monitor.serve import heaps

    heaps.keep_small()
    models = load_models(checked.options.scoring, checked.options.transcription, notices)
    warm_up(models.scorer, models.transcriber)
    return models


def open_lines(
    checked: Checked, folder: Path, models: Models, log: EventLog, metrics: Metrics, cleanup: ExitStack
) -> Lines:
    """Make what takes calls; `cleanup` ends what their alerts are given to."""
    from monitor.serve.lines import Lines, Shared
    from monitor.serve.shared_models import Processors, SharedScorer, SharedTranscriber
    from monitor.serve.webhook import Webhook

    options, takers = checked.options, list[AlertCommand | Webhook]()
    if checked.command is not None:
        takers.append(AlertCommand(checked.command, metrics.say))
    if options.webhook is not None and checked.secret is not None:
        takers.append(Webhook(options.webhook, checked.secret, metrics))
    for taker in takers:
        cleanup.callback(taker.close)
    at_once = 1 if models.scorer.accelerator != "cpu" else _AT_ONCE * processors()
    cores, transcriber = Processors(processors()), models.transcriber
    if not isinstance(transcriber, NoTranscriber):
        transcriber = SharedTranscriber(transcriber, cores)
    shared = Shared(
        folder=folder,
        scorer=SharedScorer(models.scorer, at_once, cores),
        transcriber=transcriber,
        log=log,
        metrics=metrics,
        limits=Limits(lines=options.max_lines, connections=options.max_lines + 256),
        segmentation=options.segmentation.settings(),
        names=checked.names,
        score_agents=options.scoring.score_agents,
        transcripts=not options.transcription.no_transcript,
        rules=checked.rules,
        takers=tuple(taker.run for taker in takers),
    )
    return Lines(shared)


def _checked(options: ServeOptions, notices: Notices) -> Checked:
    scoring = options.scoring
    _check_combinations(options)
    names = _names(scoring)
    warn_of_agents(scoring, notices)
    token = _secret("--token-file", options.token_file)
    twilio_token = _secret("--twilio-token-file", options.twilio_token_file)
    secret = _secret("--webhook-secret-file", options.webhook_secret_file)
    rules, command = tuple(map(parse, options.alerts.alert or ())), alert_command(options.alerts)
    require_speakers(rules, [Role.of(name, score_agents=scoring.score_agents) for name in names], others=True)
    return Checked(options, names, rules, command, token, twilio_token, secret)


def _check_combinations(options: ServeOptions) -> None:
    """Raise `UsageError` at options that do not go together."""
    if options.ray is None and options.replicas is not None:
        raise UsageError("--replicas has no effect without --ray.")
    not_brought = {
        "--tls-cert": options.tls_cert or options.tls_key,
        "--audiosocket": options.audiosocket or options.audiosocket_from,
        "--peer": options.peer,
    }
    for option, value in not_brought.items():
        if options.ray is not None and value:
            raise UsageError(
                f"{option} cannot be given with --ray: its proxies bring HTTP and websockets only, without TLS."
            )
    if options.token_file is None and not is_loopback(options.host):
        raise UsageError(
            f"--host {options.host} can be reached from other machines; ask for a token with --token-file."
        )
    if (options.tls_cert is None) != (options.tls_key is None):
        raise UsageError("--tls-cert and --tls-key need each other.")
    if (options.webhook is None) != (options.webhook_secret_file is None):
        raise UsageError("--webhook and --webhook-secret-file need each other.")
    if options.webhook is not None and not options.alerts.alert:
        raise UsageError("--webhook has no effect without --alert.")


def _names(scoring: ScoringOptions) -> tuple[str, ...]:
    """The names of the usual channels, from `--channels`."""
    if (scoring.channels or "").strip() == MIX:
        raise UsageError(f"--channels {MIX} is for recordings; name the channels of the lines ({_NAMES}).")
    return tuple(named(scoring.channels or _NAMES))


def _secret(option: str, path: Path | None) -> str | None:
    """The line that a file holds, without the white space around it."""
    if path is None:
        return None
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{option} '{path}' cannot be read ({reason(error)}).") from error
    if not secret or not secret.isascii() or not secret.isprintable():
        raise UsageError(f"{option} '{path}' has to hold a line of ASCII letters, digits and signs.")
    return secret


def _sockets(options: ServeOptions, cleanup: ExitStack) -> tuple[socket, socket | None]:
    main = cleanup.enter_context(bound(options.host, options.port))
    if options.audiosocket is None:
        return main, None
    host, _, port = options.audiosocket.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdecimal() or int(port) > _LAST_PORT:
        raise UsageError(f"--audiosocket is '{options.audiosocket}'; write PORT (0 to {_LAST_PORT}), or ADDRESS:PORT.")
    if not is_loopback(host) and not options.audiosocket_from:
        raise UsageError(
            f"--audiosocket {options.audiosocket} can be reached from other machines, and its protocol knows no token; "
            "say with --audiosocket-from which may connect."
        )
    return main, cleanup.enter_context(bound(host, int(port)))


def bound(host: str, port: int) -> socket:
    """A socket that listens at an address; the port 0 is any that is free."""
    try:
        family, _, _, _, address = getaddrinfo(host, port, type=SOCK_STREAM, flags=AI_PASSIVE)[0]
        return create_server(address[:2], family=family)
    except OSError as error:
        why = reason(error).partition(" (while")[0]  # the address again
        raise UsageError(f"Cannot listen at {host} port {port} ({why}).") from error


def _allowed(given: list[str] | None) -> Callable[[str], bool]:
    """Whether AudioSocket may come from an address."""
    try:
        networks = [ip_network(text, strict=False) for text in given or ()]
    except ValueError as error:
        raise UsageError(f"--audiosocket-from: {error}.") from error
    return lambda address: not networks or any(ip_address(address.partition("%")[0]) in one for one in networks)


def shown(listening: socket) -> str:
    """An address as it is written."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

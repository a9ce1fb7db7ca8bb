"""A mistake on the command line costs nothing: exit status 2, what is wrong, what was probably meant, where help is."""

import subprocess

import pytest

from support.limpet import PROGRAM, environment, run

MISTAKES = [
    ("serv", "limpet: unknown command: serv (did you mean serve?)"),
    ("chekc", "limpet: unknown command: chekc (did you mean check?)"),
    ("--verson", "limpet: unknown option: --verson"),
    ("frobnicate", "limpet: unknown command: frobnicate"),
    ("serve --lisen :1", "limpet serve: unknown option --lisen (did you mean --listen?)"),
    ("serve --lisen=:1", "limpet serve: unknown option --lisen (did you mean --listen?)"),
    ("serve -z", "limpet serve: unknown option -z"),
    ("serve --listen", "limpet serve: --listen needs a value: --listen ADDR"),
    ("serve -l", "limpet serve: --listen needs a value: --listen ADDR"),
    ("serve -c a -c b", "limpet serve: --config is given twice"),
    ("serve -c a -l :1 127.0.0.1:2", "limpet serve: --config excludes"),
    ("serve -l :1", "limpet serve: --listen, but no servers"),
    ("serve 127.0.0.1:2", "limpet serve: servers, but nowhere to listen"),
    ("serve -k client", "limpet serve: flags, but nowhere to listen"),
    ("check --strict=yes", "limpet check: --strict takes no value"),
    ("check limpet.yaml", "limpet check: unexpected word: limpet.yaml (is it meant to be -c limpet.yaml?)"),
    ("check -- --strict", "limpet check: unexpected word: --strict"),
    ("demo --for soon", "limpet demo: `soon` is no time: write 5s"),
    ("demo --for 0", "limpet demo: `0` is no time"),
    ("demo --clients 0", "limpet demo: `0` is no number of clients: write 1 to 1000"),
    ("demo --clients 1001", "limpet demo: `1001` is no number of clients"),
    ("demo -l 8080", "limpet demo: `8080` is no address: "),
    ("-v", "limpet: unknown option: -v (did you mean --version?)"),
    ("serve -l 8941 127.0.0.1:2", "limpet: error: --listen \"8941\": `8941` is no address: the host is missing; write `:8941`"),
    ("serve -l :1 --key ip 127.0.0.1:2", "limpet: error: --key \"ip\": unknown key source; write `client`"),
    ("serve -l :1 --mode https 127.0.0.1:2", "limpet: error: --mode \"https\": `https` is no word for `mode`; did you mean `http`?"),
    ("serve -l :1 --trust x/33 127.0.0.1:2", "limpet: error: --trust \"x/33\": "),
    ("serve -l :1 3000", "limpet: error: SERVER \"3000\": `3000` is no address: the host is missing; write `127.0.0.1:3000`"),
    ("why -l :1 127.0.0.1:2 weight=2", "limpet: error: SERVER \"weight=2\": this is no server; a weight is joined"),
    ("why -l :3 127.0.0.1:3", "limpet: error: SERVER \"127.0.0.1:3\": this server is limpet's own listener `:3`"),
    ("why -l :1 --seed= 127.0.0.1:2", "limpet: error: --seed \"\": a seed has 1 to 1024 bytes, this has 0"),
    ("run", "limpet run: there is no COMMAND: limpet run -w 4 -- node app.js"),
    ("run -w 4 --", "limpet run: there is no COMMAND"),
    ("run --worker 4 -- node app.js", "limpet run: unknown option --worker (did you mean --workers?)"),
    ("run -w 0 node app.js", 'limpet: error: --workers "0": `0` is no number of workers: out of range; write a number from 1 to 256'),
    ("run -w 257 -- node", 'limpet: error: --workers "257": '),
    ("run -l 3000 -- node app.js", 'limpet: error: --listen "3000": `3000` is no address: the host is missing'),
    ("run --contract http -- node", 'limpet: error: --contract "http": `http` is no word for `contract`; write auto, node or limpet'),
    ("run --contract limpet -- ./worker", "limpet: error: workers of the contract `limpet` do not say where to listen"),
    ("run --node-message {x -- node", 'limpet: error: --node-message "{x": `{x` is no JSON: '),
    ("run --admin :9000 -- node", 'limpet: error: --admin ":9000": the admin socket is a Unix socket'),
    ("run --tls-cert full.pem -- node app.js", "limpet run: --tls-cert is not in this version: let the program itself speak TLS"),
    ("run --tls-key=key.pem node app.js", "limpet run: --tls-key is not in this version"),
    ("run -c limpet.yaml -- node app.js", "limpet run: unknown option -c"),
    ("serve --admin /run/x -l :1 127.0.0.1:2", 'limpet: error: --admin "/run/x": '),
    ("manual limpet.2", "limpet manual: name a page"),
]


@pytest.mark.parametrize("words, answer", MISTAKES, ids=[words for words, _ in MISTAKES])
def test_wrong_usage_is_answered_with_the_right_one(words, answer):
    done = run(*words.split())
    first, *rest = [line for line in done.stderr.decode().splitlines() if ": warning: " not in line]
    assert done.returncode == 2 and not done.stdout
    assert first.startswith(answer)
    assert rest[-1].startswith("Try: limpet ") and rest[-1].endswith("--help")


@pytest.mark.parametrize("words", ["-l :1 127.0.0.1:2", "-l:1 127.0.0.1:2", "127.0.0.1:2 --listen :1", "--listen=:1 127.0.0.1:2",
                                   "-l :1 -- 127.0.0.1:2", "-l :1 --json 127.0.0.1:2"])
def test_options_may_be_written_in_every_usual_way(words):
    assert run("why", *words.split()).returncode == 0


@pytest.mark.parametrize("words", ["--help", "manual limpet.1", "check -c {file}"])
@pytest.mark.parametrize("shell", ["{limpet} >/dev/full", "{limpet} >&-", "{limpet} | true; exit ${{PIPESTATUS[0]}}"])
def test_output_that_does_not_arrive_is_a_failure(folder, words, shell):
    file = folder / "limpet.yaml"
    file.write_text('{listeners: {bind: ":1", pool: a}, pools: {a: {servers: ["127.0.0.1:2"]}}}')
    # The reader is gone before anything is written.
    command = shell.format(limpet=f"(sleep 0.1; exec {PROGRAM} {words.format(file=file)})")
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=environment(), timeout=30, check=False)
    assert done.returncode == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_limpet_does_not_serve_without_a_place_for_its_words(closed):
    command = f"exec {PROGRAM} serve -l 127.0.0.1:1 127.0.0.1:2 {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=environment(), timeout=30, check=False)
    assert done.returncode == 1
    assert "closed" in done.stderr.decode() or closed == "2>&-"


def test_whatever_follows_a_program_is_its_own(folder):
    """The error is that of the number, so the words behind the program were no options of limpet's."""
    for words in (["node", "app.js", "--frobnicate", "-z"], ["--", "node", "--help"], ["node", "-w", "2", "--", "--version"]):
        done = run("run", "-w", "many", *words)
        assert done.returncode == 2
        assert 'limpet: error: --workers "many": ' in done.stderr.decode()
        assert "twice" not in done.stderr.decode() and not done.stdout


def test_a_command_in_one_word_is_told_how_to_be_written():
    done = run("run", "node app.js")
    assert done.returncode == 2
    assert "write the words apart, not as one in quotes: limpet run -- node app.js" in done.stderr.decode()


def test_the_engine_is_not_started_by_hand():
    for words in ([], ["serve"], ["run"], ["why"]):
        done = run("engine", *words)
        assert done.returncode in (1, 2) and not done.stdout and done.stderr

"""Each lint script is shown a small tree with one fault in it and must name file, line and reason."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = "base\nproto seal\nio conf\nroute\nfront carry\nsession\ncontrol\nmain\n"


def lint(script, tree):
    done = subprocess.run([ROOT / "tools" / script, tree], capture_output=True, text=True)
    return done.returncode, done.stdout


def write(tree, files):
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


GOOD = """\
#include "route/pick.h"

#include <unistd.h>

#include "base/log.h"
#include "route/server.h"
/* open("x") in a comment, "main/main.h" too:
#include "main/main.h" */
// fork()
static const char *text = "open(1) /* no comment";
int reopen(int a) { return server->open(a) + server.bind(a) + socketpair(a); }
"""


@pytest.mark.parametrize("place, text, complaint", [
    ("route/pick.c", GOOD, None),
    ("io/sock.c", "int f(void) { return connect(socket(1)); }\n", None),
    ("control/powers.c", "int f(void) { return open(0) + bind(0); }\n", None),
    ("seal/box.c", "#include <sodium.h>\n", None),
    ("base/log.c", '\n#include "session/visit.h"\n', '2: "session/visit.h" goes up: session/ lies above base/'),
    ("front/peek.c", '#include "carry/relay.h"\n', "1: \"carry/relay.h\" goes sideways"),
    ("io/loop.c", '#  include\t"conf/conf.h"\n', "1: \"conf/conf.h\" goes sideways"),
    ("route/pick.c", '/*\n\n*/ \n#include "pick.h"\n', '4: "pick.h" without its room'),
    ("route/pick.c", '#include "rooute/pick.h"\n', "1: \"rooute/pick.h\": there is no room"),
    ("attic/box.c", "\n", "1: the room attic/ is not in src/LAYERS"),
    ("loose.c", "\n", "1: a file without a room"),
    ("io/loop.c", "#include <libfyaml.h>\n", "1: <libfyaml.h>: libfyaml is known only to yaml/"),
    ("io/loop.c", "#include <openssl/ssl.h>\n", "1: <openssl/ssl.h>: openssl is known only to"),
    ("control/admin.c", "#include <jansson.h>\n", "1: <jansson.h>: jansson is known only to"),
    ("route/pick.c", "#include <sodium/utils.h>\n", "1: <sodium/utils.h>: sodium is known only to"),
    ("carry/relay.c", "#include <nghttp2/nghttp2.h>\n", "1: <nghttp2/nghttp2.h>: nghttp2 is known only to"),
    ("io/file.c", "\nint f(void) { return open (0); }\n", "2: open(): only control/powers may"),
    ("main/main.c", 'int f(void) { return x("a", fork()); }\n', "1: fork(): only control/powers may"),
    ("front/listen.c", "int f(void) { return bind(1); }\n", "1: bind(): only control/powers may"),
    ("session/visit.c", "int f(void) { return connect(1); }\n", "1: connect(): only control/powers, io/, route/ may"),
])
def test_check_layers(tmp_path, place, text, complaint):
    write(tmp_path, {"src/LAYERS": "# from the ground up\n" + LAYERS, f"src/{place}": text})
    code, output = lint("check-layers", tmp_path)
    if complaint is None:
        assert (code, output) == (0, "")
    else:
        assert code == 1
        assert output.startswith(f"src/{place}:{complaint}"), output


@pytest.mark.parametrize("table, ids, complaint", [
    ("a.1\tempty line\ttests/test_a.py\na.2\tlate\tnot this surface yet\n", "a.1\na.2\n", None),
    ("a.1\tempty line\ttests/test_a.py, tests/test_b.py\n", "a.1\n", "tests/trials.tsv:1: a.1: there is no file tests/test_b.py"),
    ("a.1\tempty line\t\n", "a.1\n", "tests/trials.tsv:1: a line has three columns"),
    ("a.1\tempty line\n", "a.1\n", "tests/trials.tsv:1: a line has three columns"),
    ("a.1\tx\tnot this surface yet\na.1\ty\tnot this surface yet\n", "a.1\n", "tests/trials.tsv:2: a.1 is there twice, first in line 1"),
    ("a.1\tx\tnot this surface yet\n", "a.1\na.2\n", "tests/trials.ids:2: a.2 has no line"),
    ("a.1\tx\tnot this surface yet\nb\tx\tnot this surface yet\n", "a.1\n", "tests/trials.tsv:2: b is not in tests/trials.ids"),
])
def test_check_trials(tmp_path, table, ids, complaint):
    write(tmp_path, {"tests/trials.tsv": table, "tests/trials.ids": ids, "tests/test_a.py": ""})
    code, output = lint("check-trials", tmp_path)
    assert code == (1 if complaint else 0)
    assert output.startswith(complaint or ""), output


@pytest.mark.parametrize("files, complaint", [
    ({"src/proto/a.c": "", "tests/fuzz/fuzz_a.c": "", "tests/fuzz/corpus/a/1": "x"}, None),
    ({"src/proto/a.c": ""}, "src/proto/a.c:1: a parser without a fuzz target"),
    ({"src/proto/a.c": "", "tests/fuzz/fuzz_a.c": ""}, "tests/fuzz/fuzz_a.c:1: nothing in tests/fuzz/corpus/a/"),
])
def test_check_fuzz(tmp_path, files, complaint):
    write(tmp_path, files)
    code, output = lint("check-fuzz", tmp_path)
    assert code == (1 if complaint else 0)
    assert output.startswith(complaint or ""), output


@pytest.mark.parametrize("text, complaint", [
    ("a framework/of/its own, example.org\n", None),
    ("ends with a space \n", "note.txt:1:"),
    ("see " + "/".join(["", "work", "main"]) + "\n", "note.txt:1:"),
    ("fetch it from https://registry.npm" + "js.org\n", "note.txt:1:"),
])
def test_check_words(tmp_path, text, complaint):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, {"note.txt": text})
    code, output = lint("check-words", tmp_path)
    assert code == (1 if complaint else 0)
    assert output.startswith(complaint or ""), output

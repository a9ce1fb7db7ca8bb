"""What is installed is compiled by other people, with their compilers and their warnings."""

import subprocess

import pytest

from support.limpet import ROOT

STRICT = ["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", f"-I{ROOT / 'include'}"]

# Everything is called, so that everything is compiled.
PROGRAM = """
#include <limpet/worker.h>
#include <limpet/worker.h>
int main(void)
{
    struct limpet_worker worker;
    struct limpet_connection connection;
    char text[LIMPET_ADDRESS_TEXT_SIZE];
    if (limpet_worker_open(&worker) < 0 || limpet_worker_ready(&worker) < 0)
        return 1;
    while (limpet_worker_next(&worker, &connection) == 1) {
        if (connection.message.key % 2)
            limpet_worker_refuse(&worker, &connection);
        else if (limpet_worker_take(&worker, &connection) == 0)
            puts(limpet_address_text(&connection.message.client, text));
        limpet_worker_live(&worker, 1);
    }
    limpet_worker_close(&worker);
    return 0;
}
"""
UNUSED = "#include <stdio.h>\n#include <limpet/worker.h>\nint main(void) { return 0; }\n"
DIALECTS = [(compiler, dialect) for compiler in ("gcc", "clang") for dialect in ("c99", "c11", "gnu17")]
DIALECTS += [(compiler, dialect) for compiler in ("g++", "clang++") for dialect in ("c++11", "c++17")]


def compile_it(folder, text, compiler, *options):
    file = folder / ("program.cc" if "++" in compiler else "program.c")
    file.write_text(text)
    return subprocess.run([compiler, *STRICT, *options, "-o", str(folder / "program"), str(file)], capture_output=True,
                          text=True, timeout=60, check=False)


@pytest.mark.parametrize("compiler, dialect", DIALECTS)
def test_the_header_is_clean(folder, compiler, dialect):
    for text in (PROGRAM, UNUSED):
        done = compile_it(folder, text, compiler, f"-std={dialect}")
        assert done.returncode == 0, done.stderr


def test_the_example_needs_nothing_but_the_header(folder):
    done = compile_it(folder, (ROOT / "examples" / "worker.c").read_text(), "gcc")
    assert done.returncode == 0, done.stderr


def test_the_program_in_the_header_is_a_program(folder):
    """The example in the first comment, with what it leaves open filled in."""
    comment = (ROOT / "include" / "limpet" / "worker.h").read_text().split("*/")[0]
    lines = [line[7:] for line in comment.splitlines() if line.startswith(" *     ")]
    body = "\n".join(lines).replace("... not started by limpet ...", "return 1;")
    text = f"#include <limpet/worker.h>\nvoid serve(int fd);\nvoid serve(int fd) {{ close(fd); }}\n" \
           f"int main(void) {{\n{body}\nreturn 0; }}\n"
    done = compile_it(folder, text, "gcc", "-std=c99")
    assert done.returncode == 0, done.stderr
    assert subprocess.run([str(folder / "program")], timeout=10, check=False).returncode == 1

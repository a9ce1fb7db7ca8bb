#include "control/preload.h"

#include "base/log.h"
#include "control/powers.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* limpet adds what it knows to the message that brings a connection (worker/node_line.c). Node takes the handle out of the
 * same event, so whoever listens before it can teach the handle what to answer. The property `encrypted` is not touched
 * before there is something to tell. The variable that brought us here is put back: a program that starts Node itself must
 * not hand it on.
 *
 * Sessions: whatever has the two functions of Engine.IO's server, of each version, and is listened to for its connections gets
 * a listener of ours, in front. So it does not matter how the program came to it, by require(), by import, or in a bundle.
 * What is told is what @socket.io/sticky tells. (Rejected: to watch what is loaded, which bundles hide, and which differs from
 * one Node to the next.) */
static const char script[] =
    "'use strict';\n"
    "if (process.env.NODE_OPTIONS) {\n"
    "  const options = process.env.NODE_OPTIONS.split(' ').filter((word) => word !== `--require=${__filename}`);\n"
    "  if (options.length > 0) process.env.NODE_OPTIONS = options.join(' ');\n"
    "  else delete process.env.NODE_OPTIONS;\n"
    "}\n"
    "let tellsOfTls = false;\n"
    "function tellOfTls() {\n"
    "  tellsOfTls = true;\n"
    "  Object.defineProperty(require('net').Socket.prototype, 'encrypted', {\n"
    "    configurable: true,\n"
    "    get() {\n"
    "      return Boolean(this._handle && this._handle.limpetEncrypted) || undefined;\n"
    "    },\n"
    "    set(value) {\n"
    "      Object.defineProperty(this, 'encrypted', { value, writable: true, configurable: true, enumerable: true });\n"
    "    },\n"
    "  });\n"
    "}\n"
    "function tellOfSessions() {\n"
    "  const { prototype } = require('events');\n"
    "  const { on: add, once } = prototype;\n"
    "  const { send } = process;\n"
    "  const known = new WeakSet();\n"
    "  const tell = (type, data) => {\n"
    "    try {\n"
    "      if (process.connected) send.call(process, { type, data }, () => {});\n"
    "    } catch {}\n"
    "  };\n"
    "  const watch = (server) => {\n"
    "    if (known.has(server) || typeof server.generateId !== 'function' || typeof server.handshake !== 'function') "
    "return;\n"
    "    known.add(server);\n"
    "    add.call(server, 'connection', (session) => {\n"
    "      try {\n"
    "        const { id } = session;\n"
    "        if (typeof id !== 'string') return;\n"
    "        tell('sticky:connection', id);\n"
    "        once.call(session, 'close', () => tell('sticky:disconnection', id));\n"
    "      } catch {}\n"
    "    });\n"
    "  };\n"
    "  function addListener(type, listener) {\n"
    "    if (type === 'connection') {\n"
    "      try {\n"
    "        watch(this);\n"
    "      } catch {}\n"
    "    }\n"
    "    return add.call(this, type, listener);\n"
    "  }\n"
    "  if (typeof send === 'function') prototype.on = prototype.addListener = addListener;\n"
    "}\n"
    "if (process.env.LIMPET_SESSIONS) {\n"
    "  delete process.env.LIMPET_SESSIONS;\n"
    "  try {\n"
    "    tellOfSessions();\n"
    "  } catch {}\n"
    "}\n"
    "const tells = (end) => (out) => {\n"
    "  Object.assign(out, end);\n"
    "  return 0;\n"
    "};\n"
    "process.prependListener('internalMessage', (message, handle) => {\n"
    "  if (!message || message.cmd !== 'NODE_HANDLE' || !message.limpet || !handle) return;\n"
    "  const { address, family, port, tls, here } = message.limpet;\n"
    "  handle.getpeername = tells({ address, family, port });\n"
    "  if (here) handle.getsockname = tells({ address, family, port: 0 });\n"
    "  if (!tls) return;\n"
    "  handle.limpetEncrypted = true;\n"
    "  if (!tellsOfTls) tellOfTls();\n"
    "});\n";

static char path[POWERS_PATH_SIZE];
static int lock = -1; /* of its folder */
static bool failed;

static void say_failure(int failure)
{
    if (!failed)
        log_warning(
            "node-preload: its script cannot be written to TMPDIR or /tmp (%s): Node programs start without it, and "
            "socket.remoteAddress is undefined where they get requests one by one",
            strerror(-failure));
    failed = true;
}

const char *preload_path(void)
{
    if (path[0] != '\0' && access(path, R_OK) == 0)
        return path;
    preload_forget();
    int failure = powers_scratch_file("preload.cjs", script, strlen(script), path);
    if (!failure) {
        lock = powers_lock_scratch(path);
        return path;
    }
    say_failure(failure);
    return NULL;
}

void preload_forget(void)
{
    powers_remove_scratch(path);
    if (lock >= 0)
        close(lock);
    lock = -1;
}

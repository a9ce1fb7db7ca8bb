#include "control/preload.h"

#include "base/log.h"
#include "control/powers.h"

#include <string.h>

/* limpet adds what it knows to the message that brings a connection (worker/node_line.c). The cluster module passes the handle
 * on in the same event, so whoever listens before it can teach the handle what to answer. The variable that brought us here is
 * put back: a program that starts Node itself must not hand it on. */
static const char script[] =
    "'use strict';\n"
    "const net = require('node:net');\n"
    "const options = (process.env.NODE_OPTIONS || '').split(' ').filter((word) => "
    "word !== `--require=${__filename}`);\n"
    "if (options.length > 0) process.env.NODE_OPTIONS = options.join(' ');\n"
    "else delete process.env.NODE_OPTIONS;\n"
    "process.prependListener('internalMessage', (message, handle) => {\n"
    "  if (!message || message.act !== 'newconn' || !message.limpet || !handle) return;\n"
    "  const { address, family, port, tls } = message.limpet;\n"
    "  handle.getpeername = (out) => {\n"
    "    Object.assign(out, { address, family, port });\n"
    "    return 0;\n"
    "  };\n"
    "  if (tls) handle.limpetEncrypted = true;\n"
    "});\n"
    "Object.defineProperty(net.Socket.prototype, 'encrypted', {\n"
    "  configurable: true,\n"
    "  get() {\n"
    "    return Boolean(this._handle && this._handle.limpetEncrypted) || undefined;\n"
    "  },\n"
    "  set(value) {\n"
    "    Object.defineProperty(this, 'encrypted', { value, writable: true, configurable: true, enumerable: true });\n"
    "  },\n"
    "});\n";

static char path[POWERS_PATH_SIZE];

const char *preload_path(void)
{
    if (path[0] != '\0')
        return path;
    int failure = powers_scratch_file("preload.cjs", script, strlen(script), path);
    if (!failure)
        return path;
    log_error("node-preload: its script cannot be written to TMPDIR or /tmp: %s", strerror(-failure));
    return NULL;
}

void preload_forget(void)
{
    powers_remove_scratch(path);
}

#ifndef LIMPET_CONTROL_ENGINE_PINS_H
#define LIMPET_CONTROL_ENGINE_PINS_H

/* What the keeper orders about pins, as the engine carries it out. */

#include "base/attr.h"
#include "control/wire.h"
#include "session/thread.h"

/* WIRE_UNPIN: passed on to a thread, which tells memcached, too. 0 or a negative errno. */
MUST_CHECK int engine_pins_unpin(struct thread *thread, const struct wire_message *message);

/* WIRE_UNPIN_SERVER: done at once, by whoever is no thread that serves: it takes about 15 ms for a million pins. 0, or -EPROTO:
 * there are no pins, or no such server. */
MUST_CHECK int engine_pins_unpin_server(struct pins_shared *pins, const struct wire_message *message);

#endif

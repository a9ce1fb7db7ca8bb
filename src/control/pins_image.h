#ifndef LIMPET_CONTROL_PINS_IMAGE_H
#define LIMPET_CONTROL_PINS_IMAGE_H

/* The bytes of a file of pins (control/pins_file), for whoever writes and reads them.
 *
 *   file   = "limpet pins 1\n" | seconds of the wall clock when it was written, 8 bytes | the pins, 32 bytes each
 *   pin    = mark, 16 bytes | identity of the server, 8 | seconds left to it, 31 bits, and above them one that says that
 *            somebody came back for it, 4 | seconds of the wall clock when it was made or moved, 4
 *
 * Numbers are little endian. It holds neither keys nor names: without the `seed` nothing in it means anything. What
 * memcached said of a pin is not in it, so that it is asked again. */

#include "base/attr.h"
#include "base/span.h"
#include "route/pin_table.h"

#include <stdbool.h>
#include <stdint.h>

#define PINS_IMAGE_HEAD 22
#define PINS_IMAGE_PIN 32

/* Seconds of the two clocks. */
struct pins_image_time {
    uint64_t wall;
    uint32_t steady;
};

void pins_image_begin(uint8_t bytes[PINS_IMAGE_HEAD], struct pins_image_time now);
/* False: its time has run out, and nothing was written. */
bool pins_image_add(uint8_t bytes[PINS_IMAGE_PIN], const struct pin *pin, struct pins_image_time now);

struct pins_image {
    struct span left;
    uint64_t passed; /* seconds since it was written */
    uint32_t steady; /* now */
};

/* False if this is no image, or not a whole one. The bytes stay the caller's, and where they are. */
MUST_CHECK bool pins_image_open(struct pins_image *image, struct span bytes, struct pins_image_time now);

/* The next pin that still counts. A clock that went back makes none older. False: that was the last one. */
MUST_CHECK bool pins_image_next(struct pins_image *image, struct pin *pin);

#endif

#include "control/pins_image.h"
#include "pieces.h"

#define WALL 1800000000u
#define STEADY 1000u

static const struct pins_image_time now = {.wall = WALL, .steady = STEADY};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is read can be written, and is the same again. */
static void write_again(const struct pin *pin)
{
    uint8_t bytes[PINS_IMAGE_HEAD + PINS_IMAGE_PIN];
    struct pins_image image;
    struct pin again;
    pins_image_begin(bytes, now);
    CHECK(pins_image_add(bytes + PINS_IMAGE_HEAD, pin, now));
    CHECK(pins_image_open(&image, span_of(bytes, sizeof(bytes)), now));
    CHECK(pins_image_next(&image, &again));
    CHECK(mark_equal(again.mark, pin->mark) && again.server == pin->server && again.until == pin->until);
    CHECK(again.claimed == pin->claimed && again.seen == pin->seen);
    CHECK(!pins_image_next(&image, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pins_image image;
    struct pin pin;
    size_t count = 0;
    if (!pins_image_open(&image, span_of(data, size), now))
        return 0;
    for (; pins_image_next(&image, &pin); count++) {
        CHECK(pin.server != PIN_TABLE_NOBODY && pin.until > STEADY && pin.seen <= 1);
        CHECK(pin.confirmed == PIN_TABLE_UNCONFIRMED);
        write_again(&pin);
    }
    CHECK(count <= (size - PINS_IMAGE_HEAD) / PINS_IMAGE_PIN);
    return 0;
}

#include "control/pins_image.h"

#include <endian.h>
#include <string.h>

static const char magic[] = "limpet pins 1\n";
#define MAGIC_LENGTH (sizeof(magic) - 1)

_Static_assert(PINS_IMAGE_HEAD == MAGIC_LENGTH + sizeof(uint64_t), "magic and time");

/* 68 years. */
#define LEFT_MOST INT32_MAX
#define SEEN ((uint32_t)1 << 31)

/* ---- out ------------------------------------------------------------------------------------------------------------- */

static uint8_t *write_64(uint8_t *bytes, uint64_t number)
{
    number = htole64(number);
    memcpy(bytes, &number, sizeof(number));
    return bytes + sizeof(number);
}

static uint8_t *write_32(uint8_t *bytes, uint32_t number)
{
    number = htole32(number);
    memcpy(bytes, &number, sizeof(number));
    return bytes + sizeof(number);
}

void pins_image_begin(uint8_t bytes[PINS_IMAGE_HEAD], struct pins_image_time now)
{
    memcpy(bytes, magic, MAGIC_LENGTH);
    write_64(bytes + MAGIC_LENGTH, now.wall);
}

bool pins_image_add(uint8_t bytes[PINS_IMAGE_PIN], const struct pin *pin, struct pins_image_time now)
{
    if (pin->until <= now.steady)
        return false;
    uint32_t left = pin->until - now.steady;
    bytes = write_64(bytes, pin->mark.low);
    bytes = write_64(bytes, pin->mark.high);
    bytes = write_64(bytes, pin->server);
    bytes = write_32(bytes, (left < LEFT_MOST ? left : LEFT_MOST) | (pin->seen ? SEEN : 0));
    write_32(bytes, pin->claimed);
    return true;
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

static uint64_t read_64(const uint8_t *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof(number));
    return le64toh(number);
}

static uint32_t read_32(const uint8_t *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof(number));
    return le32toh(number);
}

bool pins_image_open(struct pins_image *image, struct span bytes, struct pins_image_time now)
{
    if (bytes.length < PINS_IMAGE_HEAD || (bytes.length - PINS_IMAGE_HEAD) % PINS_IMAGE_PIN != 0 ||
        memcmp(bytes.data, magic, MAGIC_LENGTH) != 0)
        return false;
    uint64_t written = read_64(bytes.data + MAGIC_LENGTH);
    *image = (struct pins_image){
        .left = span_part(bytes, PINS_IMAGE_HEAD, bytes.length - PINS_IMAGE_HEAD),
        .passed = now.wall > written ? now.wall - written : 0,
        .steady = now.steady,
    };
    return true;
}

/* False if its time ran out meanwhile, or if it is none. */
static bool read_pin(const struct pins_image *image, const uint8_t *bytes, struct pin *pin)
{
    uint32_t left = read_32(bytes + 24);
    *pin = (struct pin){
        .mark = {read_64(bytes), read_64(bytes + 8)},
        .server = read_64(bytes + 16),
        .claimed = read_32(bytes + 28),
        .seen = (left & SEEN) != 0,
    };
    left &= ~SEEN;
    if (left <= image->passed || pin->server == PIN_TABLE_NOBODY)
        return false;
    left -= (uint32_t)image->passed;
    pin->until = left < UINT32_MAX - image->steady ? image->steady + left : UINT32_MAX;
    return true;
}

bool pins_image_next(struct pins_image *image, struct pin *pin)
{
    while (image->left.length > 0) {
        const uint8_t *bytes = image->left.data;
        image->left = span_part(image->left, PINS_IMAGE_PIN, image->left.length - PINS_IMAGE_PIN);
        if (read_pin(image, bytes, pin))
            return true;
    }
    return false;
}

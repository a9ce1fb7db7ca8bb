#ifndef LIMPET_SEAL_BASE64URL_H
#define LIMPET_SEAL_BASE64URL_H

/* Reads base64 with the URL-safe alphabet and without padding (RFC 4648 section 5), in its canonical form only: the bits behind
 * the last byte are zeros, so no two texts stand for the same bytes.
 *
 * libsodium has it, too, but takes four times as long, as if the text were a secret, which its sender knows; and 1.0.18 reads
 * every 8-bit byte as '_'. */

#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* So many bytes stand behind a text of this length; a text that leaves 1 when divided by 4 stands for nothing. */
#define BASE64URL_BYTES(length) ((length) / 4 * 3 + (length) % 4 * 3 / 4)

/* Writes BASE64URL_BYTES(text.length) bytes. How many these are, or 0: it is not canonical, or empty. */
size_t base64url_read(struct span text, uint8_t *bytes);

#endif

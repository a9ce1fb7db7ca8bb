#ifndef LIMPET_PROTO_PARSE_H
#define LIMPET_PROTO_PARSE_H

/* How every parser answers. Parsers are pure: bytes in, verdict out; no I/O, clock or allocation.
 *
 * A parser is given all bytes seen so far, from the first one, each time; its own small state remembers how far it has
 * read, so that no byte is judged twice. The bytes may lie at another place at each call, but must not have changed. */

#include <stddef.h>

enum parse_verdict {
    PARSE_MORE, /* right so far; call again with more bytes */
    PARSE_DONE, /* `used` bytes belong to it */
    PARSE_NONE, /* this is something else: not an error, only not this protocol */
    PARSE_BAD,  /* it began as this protocol and breaks its rules; `why` says which, a static text */
};

struct parse_result {
    enum parse_verdict verdict;
    size_t used;
    const char *why;
};

#define PARSE_RESULT_MORE ((struct parse_result){.verdict = PARSE_MORE})
#define PARSE_RESULT_NONE ((struct parse_result){.verdict = PARSE_NONE})
#define PARSE_RESULT_DONE(count) ((struct parse_result){.verdict = PARSE_DONE, .used = (count)})
#define PARSE_RESULT_BAD(reason) ((struct parse_result){.verdict = PARSE_BAD, .why = (reason)})

/* How much may be looked at before a decision. */
#define PEEK_LIMIT 16384

#endif

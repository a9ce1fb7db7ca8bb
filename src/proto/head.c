#include "proto/head.h"

#include "proto/byte_class.h"
#include "proto/target.h"

#include <assert.h>
#include <endian.h>

#define WORD (IN_TOKEN | IN_TARGET | IN_VALUE)
#define SIGN (IN_TARGET | IN_VALUE)

const uint8_t byte_class[256] = {
    ['\t'] = IN_VALUE,
    [' '] = IN_VALUE,
    ['!'] = WORD,
    ['"'] = SIGN,
    ['#'] = IN_TOKEN | IN_VALUE,
    ['$' ... '\''] = WORD,
    ['(' ... ')'] = SIGN,
    ['*' ... '+'] = WORD,
    [','] = SIGN,
    ['-' ... '.'] = WORD,
    ['/'] = SIGN,
    ['0' ... '9'] = WORD,
    [':' ... '@'] = SIGN,
    ['A' ... 'Z'] = WORD,
    ['['] = SIGN,
    ['\\'] = IN_VALUE,
    [']'] = SIGN,
    ['^' ... '`'] = WORD,
    ['a' ... 'z'] = WORD,
    ['{'] = SIGN,
    ['|'] = WORD,
    ['}'] = SIGN,
    ['~'] = WORD,
    [0x80 ... 0xff] = IN_VALUE,
};

enum state {
    STATE_START,
    STATE_START_LF,
    STATE_FIRST,
    STATE_METHOD,
    STATE_TARGET,
    STATE_VERSION,
    STATE_PREFACE,
    STATE_LOST,
    STATE_STATUS,
    STATE_REASON,
    STATE_REASON_LF,
    STATE_LINE,
    STATE_NAME,
    STATE_VALUE,
    STATE_VALUE_LF,
    STATE_HOST,
    STATE_HOST_LF,
    STATE_END_LF,
    STATE_DONE,
};

/* No offence but another protocol; told from the messages by its address. */
static const char not_http[] = "not HTTP";

/* Goes on over bytes of a class: returns the first position that is not of it. */
static uint32_t run(const struct head *head, struct span bytes, uint8_t class)
{
    uint32_t at = head->position;
    while (at < bytes.length && (byte_class[bytes.data[at]] & class))
        at++;
    return at;
}

/* The same for values, which most of a head is: eight bytes at a time. */
static uint32_t run_value(const struct head *head, struct span bytes)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t word;
    uint32_t at = head->position;
    while (bytes.length - at >= sizeof(word)) {
        memcpy(&word, bytes.data + at, sizeof(word));
        word = le64toh(word);
        uint64_t del = word ^ ones * 0x7f;
        /* The top bit of each byte below space, and of each DEL. A subtraction borrows from the byte above one that is hit,
         * so that may be hit falsely; the first one never is. */
        uint64_t hits = (((word - ones * ' ') & ~word) | ((del - ones) & ~del)) & tops;
        if (hits == 0) {
            at += sizeof(word);
            continue;
        }
        at += (uint32_t)__builtin_ctzll(hits) / 8;
        if (bytes.data[at] != '\t')
            return at;
        at++;
    }
    while (at < bytes.length && (byte_class[bytes.data[at]] & IN_VALUE))
        at++;
    return at;
}

static bool method_is(const struct head *head, struct span bytes, const char *word)
{
    return span_equal(head_method(head, bytes), span_text(word));
}

static bool is_well_known_method(const struct head *head, struct span bytes)
{
    static const char *const words[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (method_is(head, bytes, words[i]))
            return true;
    return false;
}

/* The request line is wrong. If it is not yet sure that it is one at all, the rest of the line decides. */
static const char *offence(struct head *head, const char *why)
{
    if (head->is_http)
        return why;
    head->state = STATE_LOST;
    return NULL;
}

/* Each reader goes on from head->position over bytes of its state and ends in another state, at the end of the bytes,
 * or with an offence; then it stays at the offending byte. At least one byte is there on entry. */

static const char *read_start(struct head *head, struct span bytes)
{
    /* RFC 9112 section 2.2: an empty line in front is ignored. */
    if (bytes.data[head->position] == '\r') {
        head->position++;
        head->state = STATE_START_LF;
    } else {
        head->state = STATE_FIRST;
    }
    return NULL;
}

static const char *read_start_lf(struct head *head, struct span bytes)
{
    if (bytes.data[head->position] != '\n')
        return not_http;
    head->position++;
    head->state = STATE_FIRST;
    return NULL;
}

static const char *read_first(struct head *head, struct span bytes)
{
    if (!(byte_class[bytes.data[head->position]] & IN_TOKEN))
        return not_http;
    head->mark = head->position;
    head->state = STATE_METHOD;
    return NULL;
}

static const char *read_method(struct head *head, struct span bytes)
{
    uint32_t end = run(head, bytes, IN_TOKEN);
    if (end - head->mark > HEAD_METHOD_MAX) {
        head->position = head->mark + HEAD_METHOD_MAX;
        return not_http;
    }
    head->position = end;
    if (end == bytes.length)
        return NULL;
    if (bytes.data[end] != ' ') {
        head->state = STATE_LOST;
        return NULL;
    }
    head->method_length = (uint16_t)(end - head->mark);
    head->position++;
    head->target_start = head->position;
    head->state = STATE_TARGET;
    return NULL;
}

static const char *read_target(struct head *head, struct span bytes)
{
    if (head->position == head->target_start && bytes.data[head->position] == '/')
        head->is_http = is_well_known_method(head, bytes);
    head->position = run(head, bytes, IN_TARGET);
    if (head->position == bytes.length)
        return NULL;
    uint8_t byte = bytes.data[head->position];
    if (byte == '\r' || byte == '\n')
        return offence(head, "request line without an HTTP version");
    if (byte != ' ')
        return offence(head, "forbidden byte in the request target");
    if (head->position == head->target_start)
        return offence(head, "empty request target");
    head->target_length = head->position - head->target_start;
    head->position++;
    head->mark = head->position;
    head->state = STATE_VERSION;
    return NULL;
}

static bool may_be_preface(const struct head *head, struct span bytes)
{
    return method_is(head, bytes, "PRI") && span_equal(head_target(head, bytes), span_text("*"));
}

/* "HTTP/1." DIGIT CRLF, letter by letter. */
static const char *read_version(struct head *head, struct span bytes)
{
    static const uint8_t expected[] = "HTTP/1.0\r\n";
    enum { AT_MAJOR = 5, AT_MINOR = 7, AT_CR = 8, AT_LF = 9 };
    for (; head->position < bytes.length; head->position++) {
        uint32_t at = head->position - head->mark;
        uint8_t byte = bytes.data[head->position];
        if (at == AT_MAJOR && byte == '2' && may_be_preface(head, bytes)) {
            head->state = STATE_PREFACE;
            return NULL;
        }
        head->is_http |= at >= AT_MAJOR;
        if (at == AT_MINOR && byte >= '0' && byte <= '9')
            head->version_minor = byte != '0';
        else if (byte != expected[at])
            return offence(head, at < AT_CR ? "HTTP version is not 1.x" : "request line does not end with CRLF");
        if (at == AT_LF) {
            const char *why = target_judge(head_method(head, bytes), head_target(head, bytes));
            if (why != NULL)
                return why;
            head->position++;
            head->fields_start = head->position;
            head->state = STATE_LINE;
            return NULL;
        }
    }
    return NULL;
}

/* "PRI * HTTP/" was read and a 2 comes: HTTP/2 with prior knowledge, or nothing (RFC 9113 section 3.4). */
static const char *read_preface(struct head *head, struct span bytes)
{
    static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    enum { LAST = sizeof(preface) - 2 };
    for (; head->position < bytes.length; head->position++) {
        /* Compared from the first byte of the stream, so behind an empty line it is none. */
        if (bytes.data[head->position] != preface[head->position]) {
            head->is_http = true;
            return "broken HTTP/2 preface";
        }
        if (head->position == LAST)
            return not_http;
    }
    return NULL;
}

static bool mentions_http(struct span line)
{
    struct span name = span_text("HTTP/");
    for (size_t at = 0; at + name.length <= line.length; at++)
        if (span_equal_nocase(span_part(line, at, name.length), name))
            return true;
    return false;
}

/* Visible, or what lenient servers take for a space: SP, HTAB, VT, FF, bare CR (RFC 9112 section 3). */
static bool is_in_line_of_text(uint8_t byte)
{
    return byte != '\n' && ((byte >= ' ' && byte <= '~') || (byte >= '\t' && byte <= '\r'));
}

static const char *read_lost(struct head *head, struct span bytes)
{
    while (head->position < bytes.length && is_in_line_of_text(bytes.data[head->position]))
        head->position++;
    if (head->position == bytes.length)
        return NULL;
    head->is_http = mentions_http(span_of(bytes.data, head->position));
    return head->is_http ? "malformed request line" : not_http;
}

/* "HTTP/1." DIGIT SP 3DIGIT, letter by letter, and the space or CR behind it. */
static const char *read_status(struct head *head, struct span bytes)
{
    static const uint8_t expected[] = "HTTP/1.0 200";
    enum { AT_MINOR = 7, AT_STATUS = 9, AT_END = 12, STATUS_MIN = 100, STATUS_MAX = 599 };
    for (; head->position < bytes.length; head->position++) {
        uint32_t at = head->position;
        uint8_t byte = bytes.data[at];
        bool digit = byte >= '0' && byte <= '9';
        if (at == AT_END)
            break;
        if (at == AT_MINOR && digit)
            head->version_minor = byte != '0';
        else if (at >= AT_STATUS && digit)
            head->status = (uint16_t)(head->status * 10 + byte - '0');
        else if (at >= AT_STATUS || byte != expected[at])
            return at < AT_STATUS ? "answer does not begin with HTTP/1.x" : "status is no number of three digits";
    }
    if (head->position == bytes.length)
        return NULL;
    if (head->status < STATUS_MIN || head->status > STATUS_MAX)
        return "status is not between 100 and 599";
    if (bytes.data[head->position] != ' ' && bytes.data[head->position] != '\r')
        return "status is no number of three digits";
    head->position += bytes.data[head->position] == ' ';
    head->reason_start = head->position;
    head->state = STATE_REASON;
    return NULL;
}

static const char *read_reason(struct head *head, struct span bytes)
{
    head->position = run_value(head, bytes);
    if (head->position == bytes.length)
        return NULL;
    if (bytes.data[head->position] != '\r')
        return bytes.data[head->position] == '\n' ? "line does not end with CRLF" : "forbidden byte in a status line";
    head->reason_length = head->position - head->reason_start;
    head->position++;
    head->state = STATE_REASON_LF;
    return NULL;
}

static const char *read_reason_lf(struct head *head, struct span bytes)
{
    if (bytes.data[head->position] != '\n')
        return "carriage return inside a line";
    head->position++;
    head->fields_start = head->position;
    head->state = STATE_LINE;
    return NULL;
}

/* Answers and trailers have no target, and a Host in them says nothing. */
static bool is_request(const struct head *head)
{
    return head->target_length > 0;
}

/* Of a field line, the last part first: each goes on with the next one itself, which spares a turn of the loop. */

static const char *read_value_lf(struct head *head, struct span bytes)
{
    if (bytes.data[head->position] != '\n')
        return "carriage return inside a line";
    head->position++;
    head->state = STATE_LINE;
    return NULL;
}

static const char *read_host_lf(struct head *head, struct span bytes)
{
    struct span value = span_trim(span_part(bytes, head->mark, head->position - 1 - head->mark));
    if (head->host_seen)
        return "more than one Host";
    /* RFC 9112 section 3.2: empty if the target has no authority of its own. */
    if (value.length > 0 && !host_is_valid(value))
        return "invalid Host";
    if (!head->target_wins && !target_fits_host(head_target(head, bytes), value))
        return "Host differs from the host in the request target";
    const char *why = read_value_lf(head, bytes);
    head->host_seen = why == NULL;
    return why;
}

static const char *read_value(struct head *head, struct span bytes)
{
    head->position = run_value(head, bytes);
    if (head->position == bytes.length)
        return NULL;
    uint8_t byte = bytes.data[head->position];
    if (byte != '\r')
        return byte == '\n' ? "line does not end with CRLF" : "forbidden byte in a field value";
    head->position++;
    bool host = head->state == STATE_HOST;
    head->state = host ? STATE_HOST_LF : STATE_VALUE_LF;
    if (head->position == bytes.length)
        return NULL;
    return host ? read_host_lf(head, bytes) : read_value_lf(head, bytes);
}

static const char *read_name(struct head *head, struct span bytes)
{
    head->position = run(head, bytes, IN_TOKEN);
    if (head->position == bytes.length)
        return NULL;
    struct span name = span_part(bytes, head->mark, head->position - head->mark);
    if (bytes.data[head->position] != ':')
        return bytes.data[head->position] == '\n' ? "line does not end with CRLF" : "forbidden byte in a field name";
    if (name.length == 0)
        return "field without a name";
    if (head->field_count == HEAD_FIELDS_MAX)
        return "more than 100 fields";
    head->field_count++;
    head->position++;
    head->mark = head->position;
    head->state = is_request(head) && span_equal_nocase(name, span_text("host")) ? STATE_HOST : STATE_VALUE;
    return read_value(head, bytes);
}

static const char *read_line(struct head *head, struct span bytes)
{
    uint8_t byte = bytes.data[head->position];
    if (byte == ' ' || byte == '\t')
        return "folded field line";
    head->mark = head->position;
    head->state = STATE_NAME;
    if (byte == '\r') {
        head->position++;
        head->state = STATE_END_LF;
        return NULL;
    }
    return read_name(head, bytes);
}

static const char *read_end_lf(struct head *head, struct span bytes)
{
    if (bytes.data[head->position] != '\n')
        return "carriage return inside a line";
    if (is_request(head) && head->version_minor > 0 && !head->host_seen)
        return "no Host";
    head->position++;
    head->length = head->position;
    head->state = STATE_DONE;
    return NULL;
}

static const char *(*const readers[])(struct head *head, struct span bytes) = {
    [STATE_START] = read_start,     [STATE_START_LF] = read_start_lf,   [STATE_FIRST] = read_first,
    [STATE_METHOD] = read_method,   [STATE_TARGET] = read_target,       [STATE_VERSION] = read_version,
    [STATE_PREFACE] = read_preface, [STATE_LOST] = read_lost,           [STATE_STATUS] = read_status,
    [STATE_REASON] = read_reason,   [STATE_REASON_LF] = read_reason_lf, [STATE_LINE] = read_line,
    [STATE_NAME] = read_name,       [STATE_VALUE] = read_value,         [STATE_VALUE_LF] = read_value_lf,
    [STATE_HOST] = read_value,      [STATE_HOST_LF] = read_host_lf,     [STATE_END_LF] = read_end_lf,
};

struct parse_result head_read(struct head *head, struct span bytes)
{
    assert(bytes.length <= UINT32_MAX && head->position <= bytes.length);
    while (head->state != STATE_DONE) {
        if (head->position == bytes.length)
            return PARSE_RESULT_MORE;
        const char *why = readers[head->state](head, bytes);
        if (why == not_http)
            return PARSE_RESULT_NONE;
        if (why != NULL)
            return PARSE_RESULT_BAD(why);
    }
    return PARSE_RESULT_DONE(head->length);
}

struct parse_result head_read_answer(struct head *head, struct span bytes)
{
    if (head->state == STATE_START)
        head->state = STATE_STATUS;
    return head_read(head, bytes);
}

struct parse_result head_read_trailers(struct head *head, struct span bytes)
{
    if (head->state == STATE_START)
        head->state = STATE_LINE;
    return head_read(head, bytes);
}

struct span head_method(const struct head *head, struct span bytes)
{
    return span_part(bytes, head->target_start - 1 - head->method_length, head->method_length);
}

struct span head_target(const struct head *head, struct span bytes)
{
    return span_part(bytes, head->target_start, head->target_length);
}

struct span head_reason(const struct head *head, struct span bytes)
{
    return span_part(bytes, head->reason_start, head->reason_length);
}

#include "pins/link.h"

#include "base/log.h"
#include "io/stream.h"
#include "route/connect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* One connection, from its beginning to the first thing that is wrong with it. */
struct wire {
    struct loop_grave grave;
    struct memcached_link *link;
    struct stream stream;
    struct list queries; /* those that wait for replies, oldest first */
    bool connected;
    uint8_t greeting;  /* replies to its first two commands that are still to come */
    uint32_t opaque;   /* ... of the next of them */
    micros greeted_by; /* ... until then */
    micros soonest;    /* no query that waits has its deadline before this */
    char *out;         /* what the socket did not take yet */
    size_t out_length, out_capacity;
};

/* Where memcached's own word stands. */
#define WORD_KEY "limpet:instance"
#define WORD_LENGTH 16

/* Of the first command of a connection; the second has the next one. They are not counted on from link->opaque, because a query that
 * opens the connection has its commands written by then. */
#define GREETING_OPAQUE 0xffffff00

static micros now(const struct memcached_link *link)
{
    return link->loop->now;
}

static struct query *query_of(struct list *list)
{
    return container_of(list, struct query, link);
}

static struct query *oldest(const struct wire *wire)
{
    return list_is_empty(&wire->queries) ? NULL : query_of(wire->queries.next);
}

/* ---- deadlines ------------------------------------------------------------------------------------------------------- */

/* Whoever has waited elsewhere before has less time left than those who asked earlier, so it need not be the oldest's. */
static micros soonest_of(const struct wire *wire)
{
    micros soonest = TIMER_NEVER;
    for (const struct list *each = wire->queries.next; each != &wire->queries; each = each->next) {
        micros deadline = container_of(each, struct query, link)->deadline;
        soonest = deadline < soonest ? deadline : soonest;
    }
    return soonest;
}

/* May be too early: who was asked for is answered by now. */
static micros deadline_of(const struct wire *wire)
{
    micros deadline = list_is_empty(&wire->queries) ? TIMER_NEVER : wire->soonest;
    return wire->greeting > 0 && wire->greeted_by < deadline ? wire->greeted_by : deadline;
}

/* When to connect again, though nobody asks. */
static micros next_trial(const struct memcached_link *link)
{
    micros soon = now(link) + BREAKER_PAUSE_FIRST;
    micros retry_at = breaker_lets(link->breaker) ? 0 : breaker_retry_at(link->breaker);
    return retry_at > soon ? retry_at : soon;
}

static void set_timer(struct memcached_link *link)
{
    micros deadline = link->wire ? deadline_of(link->wire) : next_trial(link);
    if (deadline == TIMER_NEVER)
        timer_clear(&link->loop->timers, &link->timer);
    else if (timer_set(&link->loop->timers, &link->timer, deadline) != 0)
        log_debug("memcached %s: no memory for a deadline", link->address->text);
}

/* ---- the end of a connection ----------------------------------------------------------------------------------------- */

static void free_wire(struct loop_grave *grave)
{
    struct wire *wire = container_of(grave, struct wire, grave);
    free(wire->out);
    free(wire);
}

static void fail_queries(struct memcached_link *link, struct list *queries)
{
    while (!list_is_empty(queries)) {
        struct query *query = query_of(queries->next);
        list_remove(&query->link);
        link->waiting--;
        link->calls->failed(link, query);
    }
}

/* The wire is gone; those who waited on it are in `queries`. */
static void drop_wire(struct memcached_link *link, struct list *queries)
{
    struct wire *wire = link->wire;
    list_init(queries);
    list_splice(queries, &wire->queries);
    stream_close(&wire->stream, true);
    loop_bury(link->loop, &wire->grave, free_wire);
    link->wire = NULL;
}

static void note_failure(struct memcached_link *link, const char *why)
{
    if (breaker_failed(link->breaker, now(link)))
        log_warning("memcached %s: %s: it is not asked any more until it answers again; clients it alone would know go "
                    "where the ranking says",
                    link->address->text, why);
}

static void fail(struct memcached_link *link, const char *why)
{
    struct list queries;
    drop_wire(link, &queries);
    note_failure(link, why);
    set_timer(link);
    fail_queries(link, &queries);
}

/* It was idle, and the other side has closed it, which is no failure. */
static void lose(struct memcached_link *link)
{
    struct list queries;
    drop_wire(link, &queries);
    set_timer(link);
    fail_queries(link, &queries);
}

void memcached_link_close(struct memcached_link *link)
{
    struct list queries;
    timer_clear(&link->loop->timers, &link->timer);
    if (!link->wire)
        return;
    drop_wire(link, &queries);
    fail_queries(link, &queries);
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

/* False without memory. */
static bool keep(struct wire *wire, struct span bytes)
{
    if (bytes.length > wire->out_capacity - wire->out_length) {
        size_t capacity = 2 * (wire->out_length + bytes.length);
        char *out = realloc(wire->out, capacity);
        if (!out)
            return false;
        wire->out = out;
        wire->out_capacity = capacity;
    }
    memcpy(wire->out + wire->out_length, bytes.data, bytes.length);
    wire->out_length += bytes.length;
    return true;
}

/* What is left of the bytes, or null data: the connection is broken. */
static struct span write_some(struct wire *wire, struct span bytes)
{
    while (bytes.length > 0 && wire->stream.writable) {
        ssize_t count = stream_write(&wire->stream, bytes.data, bytes.length);
        if (count == -EAGAIN)
            break;
        if (count < 0)
            return span_of(NULL, 0);
        bytes = span_part(bytes, (size_t)count, bytes.length - (size_t)count);
    }
    return bytes;
}

/* False: the connection is broken. */
static bool flush(struct wire *wire)
{
    if (!wire->connected || wire->out_length == 0)
        return true;
    struct span left = write_some(wire, span_of(wire->out, wire->out_length));
    if (!left.data)
        return false;
    memmove(wire->out, left.data, left.length);
    wire->out_length = left.length;
    if (left.length == 0) {
        free(wire->out);
        wire->out = NULL;
        wire->out_capacity = 0;
    }
    return true;
}

/* False without memory. A connection that is broken will be noticed when its events come: whoever sends is told nothing before
 * that. */
static bool put_out(struct wire *wire, struct span bytes)
{
    struct span left = bytes;
    if (wire->connected && wire->out_length == 0)
        left = write_some(wire, bytes);
    if (left.data == NULL)
        return true;
    return left.length == 0 || keep(wire, left);
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

/* Any text will do, but that nobody else writes the same. */
static uint64_t word_of(struct span text)
{
    uint64_t word = 1;
    for (size_t i = 0; i < text.length; i++)
        word = (word ^ text.data[i]) * 0x100000001b3;
    return word ? word : 1;
}

/* `word`: which stands there now. */
static void note_reached(struct memcached_link *link, uint64_t word)
{
    bool is_back = breaker_reached(link->breaker, now(link));
    bool is_another = breaker_meet(link->breaker, word);
    if (is_back)
        log_notice("memcached %s answers again: what was decided without it is claimed now", link->address->text);
    if (is_back || is_another)
        link->calls->reached(link);
}

/* The first reply tells whether our word was written, the second which one stands there now. */
static const char *take_greeting(struct wire *wire, const struct memcached_reply *reply)
{
    static const char strange[] = "it does not understand meta commands, as memcached does since 1.6";
    struct memcached_link *link = wire->link;
    if (!reply->has_opaque || reply->opaque != wire->opaque)
        return strange;
    wire->opaque++;
    if (--wire->greeting > 0)
        return reply->word == MEMCACHED_STORED || reply->word == MEMCACHED_KEPT ? NULL : strange;
    if (reply->word != MEMCACHED_VALUE)
        return "it does not keep what was written";
    note_reached(link, word_of(reply->value));
    return NULL;
}

/* Memcached never answers a store with a value, nor a question for a value with anything but that. Of the replies to a query the
 * last is to such a question, unless it only stores. */
static bool may_be_said(const struct query *query, const struct memcached_reply *reply)
{
    bool stores = query->replies > 1 || query_only_stores(query);
    bool found = reply->word == MEMCACHED_VALUE || reply->word == MEMCACHED_NONE;
    return stores != found;
}

/* What one reply means to those that wait; the query in *done has all of its own. Null: nothing is wrong. */
static const char *take_reply(struct wire *wire, const struct memcached_reply *reply, struct query **done)
{
    *done = NULL;
    if (wire->greeting > 0)
        return take_greeting(wire, reply);
    struct query *query = oldest(wire);
    if (!query)
        return "it answered what nobody had asked";
    if (reply->word == MEMCACHED_REFUSED)
        return "it refused a command";
    if (!reply->has_opaque || reply->opaque != query->opaque)
        return "it answered another question";
    if (!may_be_said(query, reply))
        return "it answered with a word that is none for this command";
    breaker_succeeded(wire->link->breaker, now(wire->link));
    query->opaque++;
    if (--query->replies == 0)
        *done = query;
    return NULL;
}

/* The word of the first of two replies is kept where the query waits: in its place for the outcome. */
static enum memcached_word note_word(struct query *query, const struct memcached_reply *reply)
{
    enum memcached_word first = (enum memcached_word)query->first_word;
    query->first_word = (uint8_t)reply->word;
    return first;
}

/* Replies at the front of `seen`; the count of bytes that are done with. *why: what is wrong. */
static size_t take_replies(struct wire *wire, struct span seen, const char **why)
{
    struct memcached_link *link = wire->link;
    size_t used = 0;
    while (link->wire == wire && !*why) {
        struct memcached_reply reply;
        struct query *waiting = wire->greeting > 0 ? NULL : oldest(wire), *done = NULL;
        struct parse_result result = memcached_read(span_part(seen, used, seen.length - used), &reply);
        if (result.verdict == PARSE_MORE)
            break;
        *why = result.verdict == PARSE_DONE ? take_reply(wire, &reply, &done) : result.why;
        if (*why)
            break;
        used += result.used;
        if (waiting && !done)
            note_word(waiting, &reply);
        if (!done)
            continue;
        list_remove(&done->link);
        link->waiting--;
        link->calls->replied(link, done, note_word(done, &reply), &reply);
    }
    return used;
}

/* False: the wire is gone. */
static bool read_replies(struct wire *wire)
{
    struct memcached_link *link = wire->link;
    while (wire->stream.readable) {
        struct span seen;
        const char *why = NULL;
        ssize_t count = stream_fetch(&wire->stream, link->scratch, LINK_SCRATCH, LINK_SCRATCH, &seen);
        if (count == -EAGAIN)
            break;
        if (count <= 0 && wire->greeting == 0 && list_is_empty(&wire->queries)) {
            lose(link);
            return false;
        }
        if (count <= 0)
            why = count == 0 ? "it ended the connection" : strerror((int)-count);
        size_t used = why ? 0 : take_replies(wire, seen, &why);
        if (link->wire != wire)
            return false;
        if (!why && stream_keep(&wire->stream, seen, used) != 0)
            why = strerror(ENOMEM);
        if (why) {
            fail(link, why);
            return false;
        }
    }
    return true;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

/* False: the wire is gone. */
static bool note_connected(struct wire *wire)
{
    if (wire->connected)
        return true;
    if (!wire->stream.writable)
        return true;
    int error = stream_error(&wire->stream);
    if (error) {
        fail(wire->link, strerror(-error));
        return false;
    }
    wire->connected = true;
    return true;
}

/* False: the wire is gone. */
static bool work(struct wire *wire)
{
    struct memcached_link *link = wire->link;
    if (!note_connected(wire))
        return false;
    if (!flush(wire)) {
        fail(link, "the connection broke");
        return false;
    }
    if (!wire->connected || !read_replies(wire))
        return link->wire == wire;
    set_timer(link);
    return true;
}

static void ready(struct loop_source *source, uint32_t events)
{
    struct wire *wire = container_of(source, struct wire, stream.source);
    if (wire->link->wire != wire)
        return;
    stream_notice(&wire->stream, events);
    (void)work(wire);
}

/* ---- the beginning --------------------------------------------------------------------------------------------------- */

static struct wire *new_wire(struct memcached_link *link, int fd, bool connected)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    if (!wire)
        return NULL;
    wire->link = link;
    wire->connected = connected;
    list_init(&wire->queries);
    stream_init(&wire->stream, fd, address_is_unix(link->address), ready);
    wire->stream.writable = connected;
    if (loop_add(link->loop, &wire->stream.source, LOOP_BOTH) == 0)
        return wire;
    free(wire);
    return NULL;
}

/* Another one for every connection: a memcached that was started again gets another one than before. */
static uint64_t make_word(void)
{
    uint64_t word;
    return getrandom(&word, sizeof(word), 0) == (ssize_t)sizeof(word) ? word : (uint64_t)clock_wall();
}

/* The first commands of every connection. False without memory. */
static bool greet(struct wire *wire)
{
    struct memcached_link *link = wire->link;
    char commands[256], word[WORD_LENGTH + 1];
    uint64_t ours = make_word();
    struct text text, own;
    text_init(&text, commands, sizeof(commands));
    text_init(&own, word, sizeof(word));
    text_add_hex(&own, &ours, sizeof(ours));
    wire->opaque = GREETING_OPAQUE;
    struct memcached_store store = {
        .mode = MEMCACHED_ADD, .opaque = GREETING_OPAQUE, .value = span_of(own.data, own.length)};
    memcached_write_store(&text, span_text(WORD_KEY), &store);
    memcached_write_get(&text, span_text(WORD_KEY), 0, GREETING_OPAQUE + 1);
    wire->greeting = 2;
    wire->greeted_by = now(link) + link->patience;
    return put_out(wire, span_of(text.data, text.length));
}

/* False: a failure, which is counted. */
static bool connect_now(struct memcached_link *link)
{
    int fd, error;
    enum connect_verdict verdict = connect_start(link->address, &fd, &error);
    if (verdict != CONNECT_DONE && verdict != CONNECT_WAITING) {
        note_failure(link, strerror(error));
        return false;
    }
    link->wire = new_wire(link, fd, verdict == CONNECT_DONE);
    if (!link->wire) {
        close(fd);
        note_failure(link, strerror(ENOMEM));
        return false;
    }
    if (greet(link->wire))
        return true;
    fail(link, strerror(ENOMEM));
    return false;
}

/* What came in time is heard first, even if this thread comes late to hear it. */
static void look_at_deadline(struct memcached_link *link)
{
    struct wire *wire = link->wire;
    wire->stream.readable = true;
    if (!work(wire))
        return;
    wire->soonest = soonest_of(wire);
    if (deadline_of(wire) <= now(link))
        fail(link, "it does not answer in time");
    else
        set_timer(link);
}

/* Unless another thread is already trying, or it is too early. */
static void begin(struct memcached_link *link)
{
    bool tries = breaker_lets(link->breaker) || breaker_try(link->breaker, now(link));
    if (tries && !connect_now(link))
        log_debug("memcached %s cannot be reached", link->address->text);
    set_timer(link);
}

static void fire(struct timer *timer)
{
    struct memcached_link *link = container_of(timer, struct memcached_link, timer);
    if (link->wire)
        look_at_deadline(link);
    else
        begin(link);
}

void memcached_link_open(struct memcached_link *link)
{
    timer_init(&link->timer, fire);
    begin(link);
}

bool memcached_link_send(struct memcached_link *link, struct query *query, struct span commands, unsigned replies)
{
    if (!breaker_lets(link->breaker) || link->waiting >= LINK_QUERIES_MOST)
        return false;
    if (!link->wire && !connect_now(link)) {
        set_timer(link);
        return false;
    }
    if (!put_out(link->wire, commands))
        return false;
    query->opaque = link->opaque + 1;
    query->replies = (uint8_t)replies;
    link->opaque += replies;
    if (list_is_empty(&link->wire->queries) || query->deadline < link->wire->soonest)
        link->wire->soonest = query->deadline;
    list_append(&link->wire->queries, &query->link);
    link->waiting++;
    set_timer(link);
    return true;
}

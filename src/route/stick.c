#include "route/stick.h"

#include "proto/cut.h"
#include "proto/head_lookup.h"

#include <stdlib.h>

struct sticks {
    struct sealed_keys keys;
};

struct sticks *sticks_new(const struct plan *plan)
{
    struct sticks *sticks = malloc(sizeof(*sticks));
    if (sticks)
        cookie_keys_make(&sticks->keys, plan->secret);
    return sticks;
}

void sticks_free(struct sticks *sticks)
{
    free(sticks);
}

const struct plan_stick *stick_cookie(const struct plan_pool *pool)
{
    for (size_t i = 0; i < pool->stick_count; i++)
        if (pool->sticks[i].kind == STICK_COOKIE)
            return &pool->sticks[i];
    return NULL;
}

/* Index in the pool, or STICK_NOBODY. */
static uint32_t server_named(const struct plan_pool *pool, struct span name)
{
    for (size_t i = 0; i < pool->server_count; i++)
        if (span_equal(span_text(pool->servers[i].name), name))
            return (uint32_t)i;
    return STICK_NOBODY;
}

static struct cookie_scope scope_of(const struct plan_pool *pool, const struct plan_stick *stick,
                                    const struct endpoint *client)
{
    return (struct cookie_scope){
        .pool = span_text(pool->name),
        .name = span_text(stick->name),
        .client = stick->bind_client ? client : NULL,
    };
}

/* The pieces of a Cookie field's value, one after the other (RFC 6265 section 4.2.1), as they are between the semicolons. */
struct cookie_pieces {
    struct span rest; /* null data: no more */
};

static bool next_piece(struct cookie_pieces *pieces, struct span *piece)
{
    if (pieces->rest.data == NULL)
        return false;
    *piece = cut_before(pieces->rest, ';');
    pieces->rest = cut_behind(pieces->rest, ';');
    return true;
}

/* The value of a piece that is "name=value", or null data. */
static struct span value_named(struct span piece, const char *name)
{
    struct span pair = span_trim(piece), value = cut_behind(pair, '=');
    return value.data && span_equal(cut_before(pair, '='), span_text(name)) ? value : span_of(NULL, 0);
}

/* What it takes to look for cookies of ours in one request. */
struct search {
    const struct sticks *sticks;
    const struct plan_pool *pool;
    const struct plan_stick *stick;
    struct cookie_scope scope;
    micros wall;
    unsigned tried;
};

/* True if the text opens and names a server that is there. */
static bool try_cookie(struct search *search, struct span text, struct stick_answer *answer)
{
    struct sealed_content content;
    enum cookie_verdict verdict =
        cookie_open(&search->sticks->keys, &search->scope, text, search->stick->lifetime, search->wall, &content);
    search->tried++;
    if (verdict == COOKIE_BAD || verdict == COOKIE_EXPIRED) {
        answer->refused++;
        return false;
    }
    uint32_t server = server_named(search->pool, span_of(content.server, content.server_length));
    if (server == STICK_NOBODY) {
        answer->gone++;
        return false;
    }
    answer->server = server;
    answer->renew = verdict == COOKIE_OLD_KEY || search->wall - content.time > search->stick->lifetime / 2;
    return true;
}

static bool try_field(struct search *search, struct span field, struct stick_answer *answer)
{
    struct cookie_pieces pieces = {.rest = field};
    struct span piece;
    while (search->tried < STICK_COOKIES_TRIED && next_piece(&pieces, &piece)) {
        struct span text = value_named(piece, search->stick->name);
        if (text.data && try_cookie(search, text, answer))
            return true;
    }
    return false;
}

bool stick_find_cookie(const struct sticks *sticks, const struct stick_request *request, const struct plan_stick *stick,
                       micros wall, struct stick_answer *answer)
{
    struct search search = {
        .sticks = sticks,
        .pool = request->pool,
        .stick = stick,
        .scope = scope_of(request->pool, stick, request->client),
        .wall = wall,
    };
    struct span name, value;
    uint32_t cursor = 0;
    while (request->head && head_next_field(request->head, request->bytes, &cursor, &name, &value))
        if (span_equal_nocase(name, span_text("cookie")) && try_field(&search, value, answer))
            return true;
    return false;
}

struct span stick_session_id(const struct stick_request *request, const struct plan_stick *stick)
{
    struct span name = span_text(stick->where.name);
    unsigned count;
    if (!request->head)
        return span_of(NULL, 0);
    switch (stick->where.kind) {
    case KEY_COOKIE:
        return head_cookie(request->head, request->bytes, name);
    case KEY_HEADER:
        return head_field(request->head, request->bytes, name, &count);
    case KEY_QUERY:
        return query_parameter(head_query(request->head, request->bytes), name);
    default:
        return span_of(NULL, 0);
    }
}

/* Names may have dots themselves, so the longest counts. */
uint32_t stick_server_in_id(const struct plan_pool *pool, struct span id)
{
    uint32_t found = STICK_NOBODY;
    size_t longest = 0;
    if (!cut_find(id, '.'))
        return found;
    for (size_t i = 0; i < pool->server_count; i++) {
        struct span name = span_text(pool->servers[i].name);
        if (name.length <= longest || name.length >= id.length || id.data[id.length - name.length - 1] != '.' ||
            !span_equal(span_part(id, id.length - name.length, name.length), name))
            continue;
        found = (uint32_t)i;
        longest = name.length;
    }
    return found;
}

static void add_attributes(const struct plan_stick *stick, bool secure, struct text *value)
{
    static const char *const words[] = {
        [SAME_SITE_LAX] = "Lax", [SAME_SITE_STRICT] = "Strict", [SAME_SITE_NONE] = "None"};
    text_add(value, "; Path=/; HttpOnly; SameSite=");
    text_add(value, words[stick->same_site]);
    if (secure || stick->same_site == SAME_SITE_NONE)
        text_add(value, "; Secure");
}

void stick_issue(const struct sticks *sticks, const struct plan_pool *pool, const struct plan_server *server,
                 const struct endpoint *client, bool secure, micros wall, struct text *value)
{
    const struct plan_stick *stick = stick_cookie(pool);
    struct sealed_content content = {.time = wall};
    struct cookie_scope scope = scope_of(pool, stick, client);
    char text[COOKIE_TEXT_MOST];
    size_t length = strlen(server->name);
    if (length > SEALED_SERVER_MOST)
        return;
    content.server_length = (uint8_t)length;
    memcpy(content.server, server->name, length);
    if (cookie_seal(&sticks->keys, &scope, &content, text, &length) != 0)
        return;
    text_add(value, stick->name);
    text_add_char(value, '=');
    text_add_bytes(value, text, length);
    add_attributes(stick, secure, value);
}

/* Max-Age of 0 or less ends a cookie (RFC 6265 section 5.2.2). Expires is not looked at: what comes with one that is past has
 * no value mostly, and an id that is learnt for nothing is forgotten soon. */
static bool is_ended(struct cookie_pieces attributes)
{
    struct span piece;
    bool ended = false;
    while (next_piece(&attributes, &piece)) {
        struct span pair = span_trim(piece);
        if (!span_equal_nocase(span_trim(cut_before(pair, '=')), span_text("max-age")))
            continue;
        struct span age = span_trim(cut_behind(pair, '='));
        ended = age.length > 0 && (age.data[0] == '-' || age.data[0] == '0');
    }
    return ended;
}

size_t stick_gifts(const struct plan_pool *pool, struct span set_cookie, struct stick_gift gifts[PLAN_STICKS_MOST])
{
    size_t count = 0;
    struct cookie_pieces pieces = {.rest = set_cookie};
    struct span pair;
    if (!next_piece(&pieces, &pair))
        return 0;
    for (size_t i = 0; i < pool->stick_count; i++) {
        const struct plan_stick *stick = &pool->sticks[i];
        if (stick->kind != STICK_SESSION || stick->where.kind == KEY_HEADER)
            continue;
        struct span id = value_named(pair, stick->where.name);
        if (id.length > 0)
            gifts[count++] = (struct stick_gift){.stick = stick, .id = id, .ended = is_ended(pieces)};
    }
    return count;
}

size_t stick_gifts_in_field(const struct plan_pool *pool, struct span name, struct span value,
                            struct stick_gift gifts[PLAN_STICKS_MOST])
{
    size_t count = 0;
    for (size_t i = 0; i < pool->stick_count && value.length > 0; i++) {
        const struct plan_stick *stick = &pool->sticks[i];
        if (stick->kind == STICK_SESSION && stick->where.kind == KEY_HEADER &&
            span_equal_nocase(span_text(stick->where.name), name))
            gifts[count++] = (struct stick_gift){.stick = stick, .id = value};
    }
    return count;
}

static size_t spaces_in_front(struct span piece)
{
    size_t count = 0;
    while (count < piece.length && (piece.data[count] == ' ' || piece.data[count] == '\t'))
        count++;
    return count;
}

size_t stick_hide(const struct plan_pool *pool, struct span value, uint8_t *kept)
{
    const struct plan_stick *stick = stick_cookie(pool);
    struct cookie_pieces pieces = {.rest = value};
    struct span piece;
    bool first = true;
    size_t length = 0;
    while (next_piece(&pieces, &piece)) {
        if (stick && value_named(piece, stick->name).data)
            continue;
        if (!first)
            kept[length++] = ';';
        for (size_t i = first && piece.data != value.data ? spaces_in_front(piece) : 0; i < piece.length; i++)
            kept[length++] = piece.data[i];
        first = false;
    }
    return length;
}

#include "pieces.h"
#include "route/stick.h"

#include <stdio.h>

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define LIFETIME (86400 * (micros)SECOND_IN_MICROS)
#define WALL (1800000000 * (micros)SECOND_IN_MICROS)

static const struct plan_server servers[] = {{.name = "a"}, {.name = "b"}, {.name = "x.b"}};
static const struct plan_stick sticks_of_pool[] = {
    {.kind = STICK_COOKIE, .name = "l", .lifetime = LIFETIME},
    {.kind = STICK_SESSION, .lifetime = LIFETIME, .where = {.kind = KEY_COOKIE, .name = "s"}},
    {.kind = STICK_SESSION, .lifetime = LIFETIME, .where = {.kind = KEY_HEADER, .name = "h"}},
    {.kind = STICK_SESSION, .lifetime = LIFETIME, .where = {.kind = KEY_QUERY, .name = "q"}},
};
static const struct plan_pool pool = {
    .name = "app", .servers = servers, .server_count = 3, .sticks = sticks_of_pool, .stick_count = 4};
static struct plan plan = {.pools = &pool, .pool_count = 1};
static struct sticks *sticks;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* The same as stick_hide(), thought of otherwise: which bytes stay? All but those of a piece of ours and one semicolon with
 * it, and what would be spaces in front. */
static size_t hide(struct span value, uint8_t *kept)
{
    size_t length = 0, pieces = 0;
    for (size_t start = 0, end; start <= value.length; start = end + 1) {
        for (end = start; end < value.length && value.data[end] != ';';)
            end++;
        size_t name = start;
        while (name < end && is_space(value.data[name]))
            name++;
        if (end - name >= 2 && value.data[name] == 'l' && value.data[name + 1] == '=')
            continue;
        if (pieces++ > 0)
            kept[length++] = ';';
        for (size_t i = pieces == 1 && start > 0 ? name : start; i < end; i++)
            kept[length++] = value.data[i];
    }
    return length;
}

static void hide_both(struct span value)
{
    uint8_t *ours = malloc(value.length + 1), *theirs = malloc(value.length + 1);
    CHECK(ours && theirs);
    ours[value.length] = 42;
    size_t length = stick_hide(&pool, value, ours);
    CHECK(length <= value.length && ours[value.length] == 42);
    CHECK(length == hide(value, theirs) && memcmp(ours, theirs, length) == 0);
    free(ours);
    free(theirs);
}

static struct stick_answer ask(struct span bytes)
{
    static const struct endpoint client = {.kind = ENDPOINT_UNIX};
    struct head head = {0};
    struct stick_answer answer = {.server = STICK_NOBODY};
    struct stick_request request = {&pool, &head, bytes, &client};
    if (head_read(&head, bytes).verdict != PARSE_DONE)
        return answer;
    for (size_t i = 0; i < pool.stick_count && answer.server == STICK_NOBODY; i++)
        if (pool.sticks[i].kind == STICK_SESSION)
            answer.server = stick_server_in_id(&pool, stick_session_id(&request, &pool.sticks[i]));
        else
            (void)stick_find_cookie(sticks, &request, &pool.sticks[i], WALL, &answer);
    CHECK(answer.server == STICK_NOBODY || answer.server < pool.server_count);
    CHECK(answer.refused <= STICK_COOKIES_TRIED);
    return answer;
}

/* Ids that an answer gives out stand in it. */
static void learn(struct span value)
{
    static const struct span name = {(const uint8_t *)"h", 1};
    struct stick_gift gifts[PLAN_STICKS_MOST];
    size_t count = stick_gifts_in_field(&pool, name, value, gifts);
    CHECK(count == (value.length > 0) && (count == 0 || span_equal(gifts[0].id, value)));
    count = stick_gifts(&pool, value, gifts);
    CHECK(count <= pool.stick_count);
    for (size_t i = 0; i < count; i++)
        CHECK(gifts[i].id.length > 0 && gifts[i].id.data > value.data &&
              gifts[i].id.data + gifts[i].id.length <= value.data + value.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!sticks) {
        plan.secret = span_text(SECRET);
        sticks = sticks_new(&plan);
        CHECK(sticks != NULL);
    }
    struct span all = span_of(data, size);
    (void)ask(all);
    hide_both(all);
    learn(all);
    return 0;
}

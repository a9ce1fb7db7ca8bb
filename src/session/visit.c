#include "session/visit.h"

#include "route/connect.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum visit_choice visit_choice_of(enum stick_kind kind)
{
    switch (kind) {
    case STICK_COOKIE:
        return VISIT_COOKIE;
    case STICK_SESSION:
        return VISIT_SESSION;
    case STICK_TABLE:
        break;
    }
    return VISIT_PIN;
}

void visit_pass(struct visit *visit, uint32_t server, int error)
{
    assert(error >= 0 && error <= UINT8_MAX); /* Linux has about 130 of them */
    if (!visit->passed)
        visit->passed = calloc(1, sizeof(*visit->passed));
    struct visit_passed *passed = visit->passed;
    if (!passed)
        return;
    for (size_t i = 0; i < passed->count; i++)
        if (passed->servers[i] == server) { /* it was resting, and tried as a last resort */
            passed->errors[i] = (uint8_t)error;
            return;
        }
    passed->more = passed->count == VISIT_PASSED_MOST;
    if (passed->more)
        return;
    passed->servers[passed->count] = server;
    passed->errors[passed->count++] = (uint8_t)error;
}

static struct span at_most(struct span text, size_t most)
{
    return span_of(text.data, text.length < most ? text.length : most);
}

static uint8_t *append(uint8_t *to, struct span text)
{
    if (text.length > 0)
        memcpy(to, text.data, text.length);
    return to + text.length;
}

struct visit_request *visit_request_new(struct span method, struct span host, struct span path)
{
    method = at_most(method, VISIT_METHOD_MOST);
    host = at_most(host, VISIT_HOST_MOST);
    path = at_most(path, VISIT_PATH_MOST);
    struct visit_request *request = calloc(1, sizeof(*request) + method.length + host.length + path.length);
    if (!request)
        return NULL;
    request->method_length = (uint16_t)method.length;
    request->host_length = (uint16_t)host.length;
    request->path_length = (uint16_t)path.length;
    append(append(append(request->text, method), host), path);
    return request;
}

void visit_note_key(struct visit *visit, const struct plan_log *log, const struct decision *decision)
{
    if (!log->plain_keys || decision->verdict != DECIDE_KEY)
        return;
    char buffer[VISIT_PLAIN_KEY_MOST + 1];
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    if (decision->tag == KEY_TAG_ADDRESS) {
        struct endpoint address = endpoint_from_ip6(decision->key.data, 0);
        char words[ENDPOINT_TEXT_SIZE];
        endpoint_text(&address, words);
        text_add(&text, words);
    } else {
        text_add_bytes(&text, decision->key.data, decision->key.length);
    }
    visit->plain_key = malloc(text.length);
    if (!visit->plain_key)
        return;
    memcpy(visit->plain_key, text.data, text.length);
    visit->plain_key_length = (uint16_t)text.length;
}

void visit_fini(struct visit *visit)
{
    free(visit->passed);
    free(visit->request);
    free(visit->plain_key);
    visit->passed = NULL;
    visit->request = NULL;
    visit->plain_key = NULL;
}

/* One line is a list of fields; text and JSON differ only in how a field is written. */
struct fields {
    struct text *line;
    bool json;
};

static void add_name(struct fields *fields, const char *name)
{
    bool first = fields->line->length == 0;
    if (fields->json) {
        text_add(fields->line, first ? "{\"" : ",\"");
        text_add(fields->line, name);
        text_add(fields->line, "\":");
    } else {
        if (!first)
            text_add_char(fields->line, ' ');
        text_add(fields->line, name);
        text_add_char(fields->line, '=');
    }
}

static void add_bytes(struct fields *fields, const char *name, struct span value)
{
    add_name(fields, name);
    if (fields->json)
        text_add_json(fields->line, value);
    else if (value.length == 0)
        text_add_char(fields->line, '-');
    else
        text_add_escaped(fields->line, value);
}

static void add_word(struct fields *fields, const char *name, const char *value)
{
    add_bytes(fields, name, span_text(value));
}

static void add_number(struct fields *fields, const char *name, uint64_t value)
{
    add_name(fields, name);
    text_add_unsigned(fields->line, value);
}

static void add_endpoint(struct fields *fields, const char *name, const struct endpoint *endpoint)
{
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(endpoint, text);
    add_word(fields, name, text);
}

/* What never came to be: "-", in JSON null. */
static void add_nothing(struct fields *fields, const char *name)
{
    add_name(fields, name);
    text_add(fields->line, fields->json ? "null" : "-");
}

/* Milliseconds with three digits behind the point; nothing when it never came to that. */
static void add_duration(struct fields *fields, const char *name, micros from, micros to)
{
    if (from == 0 || to == 0 || to < from) {
        add_nothing(fields, name);
        return;
    }
    add_name(fields, name);
    text_add_format(fields->line, "%lld.%03lld", (long long)((to - from) / 1000), (long long)((to - from) % 1000));
}

static const char *source_of(const struct visit *visit)
{
    if (visit->source >= 0)
        return visit->pool->keys[visit->source].text;
    return visit->pool->no_key == NO_KEY_RANDOM ? "random" : "spread";
}

/* A visit that ended before it was decided has neither source nor key, and perhaps no pool. */
static void add_key(struct fields *fields, const struct visit *visit)
{
    char hash[16] = "";
    const char *source = "";
    if (visit->decided) {
        source = source_of(visit);
        snprintf(hash, sizeof(hash), "%08x", visit->key_hash);
    }
    add_word(fields, "pool", visit->pool ? visit->pool->name : "");
    add_word(fields, "source", source);
    add_word(fields, "key", hash);
    if (visit->plain_key)
        add_bytes(fields, "key_text", span_of(visit->plain_key, visit->plain_key_length));
}

static void add_passed(struct text *why, const struct visit_passed *passed, const struct plan_pool *pool)
{
    for (size_t i = 0; i < passed->count; i++)
        text_add_format(why, "%c%s:%s", i == 0 ? ':' : ',', pool->servers[passed->servers[i]].name,
                        passed->errors[i] ? connect_error_text(passed->errors[i]) : "resting");
    if (passed->more)
        text_add(why, ",...");
}

static void add_choice(struct fields *fields, const struct visit *visit)
{
    static const char *const words[] = {
        [VISIT_NOWHERE] = "nowhere",
        [VISIT_HOME] = "home",
        [VISIT_NEXT_RANKED] = "next_ranked",
        [VISIT_LAST_RESORT] = "last_resort",
        [VISIT_COOKIE] = "cookie",
        [VISIT_SESSION] = "session",
        [VISIT_PIN] = "pin",
        [VISIT_ANSWERED] = "answered",
    };
    char why[VISIT_WHY_SIZE];
    struct text text;
    text_init(&text, why, sizeof(why));
    text_add(&text, words[visit->choice]);
    if (visit->passed)
        add_passed(&text, visit->passed, visit->pool);
    add_word(fields, "server", visit->server ? visit->server->name : "");
    add_word(fields, "why", why);
}

/* A sentence of ours; in a line of words it is one word. */
static void add_detail(struct fields *fields, const char *detail)
{
    char words[256];
    struct text text;
    text_init(&text, words, sizeof(words));
    for (; *detail; detail++)
        text_add_char(&text, *detail == ' ' && !fields->json ? '_' : *detail);
    add_word(fields, "detail", words);
}

static void add_request(struct fields *fields, const struct visit_request *request)
{
    const uint8_t *host = request->text + request->method_length;
    add_bytes(fields, "method", span_of(request->text, request->method_length));
    add_bytes(fields, "host", span_of(host, request->host_length));
    add_bytes(fields, "path", span_of(host + request->host_length, request->path_length));
    if (request->status > 0)
        add_number(fields, "status", request->status);
    else
        add_nothing(fields, "status");
    add_duration(fields, "server_ms", request->asked, request->answered);
    if (request->retried) {
        add_name(fields, "retried");
        text_add(fields->line, "true");
    }
    add_word(fields, "request_id", request->id);
}

void visit_line(const struct visit *visit, const struct plan_log *log, uint64_t bytes_in, uint64_t bytes_out,
                struct text *line)
{
    micros now = clock_steady();
    struct fields fields = {.line = line, .json = log->format == LOG_FORMAT_JSON};
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_wall() - (now - visit->accepted), time);

    add_word(&fields, "time", time);
    add_endpoint(&fields, "client", &visit->client);
    add_endpoint(&fields, "peer", &visit->peer);
    add_word(&fields, "listener", visit->listener->name);
    add_key(&fields, visit);
    add_choice(&fields, visit);
    add_number(&fields, "bytes_in", bytes_in);
    add_number(&fields, "bytes_out", bytes_out);
    add_duration(&fields, "wait_ms", visit->accepted, visit->decided);
    add_duration(&fields, "connect_ms", visit->decided, visit->connected);
    add_duration(&fields, "total_ms", visit->accepted, now);
    if (visit->request)
        add_request(&fields, visit->request);
    add_word(&fields, "reason", reason_text(visit->reason));
    if (visit->detail)
        add_detail(&fields, visit->detail);
    text_add(line, fields.json ? "}\n" : "\n");
}

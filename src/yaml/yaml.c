#include "yaml/yaml.h"

#include "yaml/excerpt.h"
#include "yaml/quotes.h"

#include <assert.h>
#include <libfyaml.h>
#include <stdlib.h>

/* The parser's events are taken rather than its document: they come one by one, so depth and aliases are bounded before
 * anything is built, and every duplicate key is seen with both places. */

struct anchor {
    struct anchor *older;
    struct span name;
    struct node *node;
};

struct reader {
    const struct source *source;
    struct arena *arena;
    struct report *report;
    struct anchor *anchors;
    unsigned anchor_count;
    struct node *root;
    struct node *open[YAML_DEPTH_MAX]; /* from the root to where we are */
    struct node *keys[YAML_DEPTH_MAX]; /* in a map: the key that waits for its value */
    struct span names[YAML_DEPTH_MAX]; /* the anchor of each */
    size_t depth;
    unsigned documents;
    bool failed;
};

static struct place place_at(const struct reader *r, size_t offset, size_t length)
{
    size_t most = r->source->text.length;
    offset = offset < most ? offset : most;
    return (struct place){r->source, offset, length < most - offset ? length : most - offset};
}

static void fail(struct reader *r, struct place at, const char *help, const char *words)
{
    if (!r->failed)
        report_error(r->report, at, help, "%s", words);
    r->failed = true;
}

static struct place event_place(const struct reader *r, struct fy_event *event)
{
    const struct fy_mark *start = fy_event_start_mark(event), *end = fy_event_end_mark(event);
    if (!start)
        return place_at(r, r->source->text.length, 0);
    size_t length = end && end->input_pos > start->input_pos ? end->input_pos - start->input_pos : 1;
    return place_at(r, start->input_pos, length);
}

static struct span token_text(struct reader *r, struct fy_token *token)
{
    size_t length = 0;
    const char *text = token ? fy_token_get_text(token, &length) : NULL;
    /* The parser's text goes away with its event. */
    return span_of(arena_text(r->arena, span_of(text, text ? length : 0)), text ? length : 0);
}

static int by_key(const void *left, const void *right)
{
    const struct node *a = *(const struct node *const *)left, *b = *(const struct node *const *)right;
    struct span x = a->key->text, y = b->key->text;
    size_t shorter = x.length < y.length ? x.length : y.length;
    int order = memcmp(x.data, y.data, shorter);
    if (order != 0)
        return order;
    if (x.length != y.length)
        return x.length < y.length ? -1 : 1;
    return a->key->at.offset < b->key->at.offset ? -1 : a->key->at.offset > b->key->at.offset;
}

static void check_duplicates(struct reader *r, const struct node *map)
{
    struct node **sorted = malloc(map->count * sizeof(struct node *));
    if (!sorted)
        return;
    size_t count = 0;
    for (struct node *child = map->first; child; child = child->next)
        sorted[count++] = child;
    qsort(sorted, count, sizeof(struct node *), by_key);
    for (size_t i = 1; i < count; i++)
        if (span_equal(sorted[i - 1]->key->text, sorted[i]->key->text))
            report_error(r->report, sorted[i]->key->at,
                         arena_format(r->arena, "it stands in line %zu already; keep one of them",
                                      report_line(sorted[i - 1]->key->at)),
                         "duplicate key %s", report_quote(r->report, sorted[i]->key->text));
    free(sorted);
}

static void remember_anchor(struct reader *r, struct span name, struct node *node)
{
    if (name.length == 0)
        return;
    if (++r->anchor_count > YAML_ANCHORS_MAX)
        fail(r, node->at, "put values that begin with `&` in quotes, or repeat less", "more than 100 YAML anchors");
    struct anchor *anchor = arena_alloc(r->arena, sizeof(*anchor));
    *anchor = (struct anchor){.older = r->anchors, .name = name, .node = node};
    r->anchors = anchor;
}

/* A node is complete: it becomes the root, an item, a key or a value. */
static void place_node(struct reader *r, struct node *node)
{
    if (r->depth == 0) {
        r->root = node;
        return;
    }
    struct node *parent = r->open[r->depth - 1];
    struct node **key = &r->keys[r->depth - 1];
    if (parent->kind == NODE_LIST) {
        node_append(parent, node);
    } else if (*key) {
        node_append_pair(parent, *key, node);
        *key = NULL;
    } else if (node->kind == NODE_TEXT) {
        *key = node;
    } else {
        fail(r, node->at, quotes_help(r->arena, node->at), "a key must be text");
    }
    if (parent->weight > YAML_WEIGHT_MAX)
        fail(r, node->at, "write less with aliases", "aliases make this file too big");
}

static bool waits_for_key(const struct reader *r)
{
    return r->depth > 0 && r->open[r->depth - 1]->kind == NODE_MAP && !r->keys[r->depth - 1];
}

static void take_scalar(struct reader *r, struct fy_event *event)
{
    struct fy_token *value = event->scalar.value;
    struct node *node = node_new(r->arena, NODE_TEXT, event_place(r, event));
    enum fy_scalar_style style = value ? fy_token_scalar_style(value) : FYSS_PLAIN;
    node->quoted = style != FYSS_PLAIN;
    node->text = token_text(r, value);
    if (node->text.length == 0 && !node->quoted && r->depth > 0 && r->keys[r->depth - 1])
        node->at = r->keys[r->depth - 1]->at; /* nothing has no place; its key has */
    if (event->scalar.anchor)
        remember_anchor(r, token_text(r, event->scalar.anchor), node);
    place_node(r, node);
}

static void take_alias(struct reader *r, struct fy_event *event)
{
    struct span name = token_text(r, event->alias.anchor);
    struct place at = event_place(r, event);
    if (at.offset > 0 && r->source->text.data[at.offset - 1] == '*')
        at = place_at(r, at.offset - 1, at.length + 1); /* the parser's mark is behind the asterisk */
    const struct anchor *anchor = r->anchors;
    while (anchor && !span_equal(anchor->name, name))
        anchor = anchor->older;
    if (!anchor) {
        fail(r, at, quotes_help(r->arena, at),
             "an unquoted `*` begins a YAML alias, and there is no anchor of that name");
        return;
    }
    struct node *copy = node_new(r->arena, anchor->node->kind, at);
    *copy = *anchor->node;
    copy->next = NULL;
    copy->key = NULL;
    if (waits_for_key(r))
        copy->at = at;
    place_node(r, copy);
}

static void open_node(struct reader *r, enum node_kind kind, struct fy_event *event, struct fy_token *anchor)
{
    struct place at = event_place(r, event);
    if (r->depth == YAML_DEPTH_MAX) {
        fail(r, at, "no key of limpet is that deep: check the brackets and the indentation", "nested too deeply");
        return;
    }
    r->names[r->depth] = anchor ? token_text(r, anchor) : span_of(NULL, 0);
    r->keys[r->depth] = NULL;
    r->open[r->depth++] = node_new(r->arena, kind, at);
}

static void close_node(struct reader *r)
{
    assert(r->depth > 0 && r->open[r->depth - 1]);
    struct node *node = r->open[--r->depth];
    if (node->kind == NODE_MAP && node->count > 1)
        check_duplicates(r, node);
    remember_anchor(r, r->names[r->depth], node);
    place_node(r, node);
}

static void refuse_tag(struct reader *r, struct fy_token *tag)
{
    const struct fy_mark *start = fy_token_start_mark(tag), *end = fy_token_end_mark(tag);
    struct place at =
        start && end ? place_at(r, start->input_pos, end->input_pos - start->input_pos) : place_at(r, 0, 0);
    fail(r, at, quotes_help(r->arena, at), "an unquoted `!` begins a YAML tag, which means nothing here");
}

static void take_document(struct reader *r, struct fy_event *event)
{
    if (++r->documents > 1)
        fail(r, event_place(r, event), "a configuration is one document: take the line `---` out",
             "a second YAML document begins here");
}

static void take_event(struct reader *r, struct fy_event *event)
{
    struct fy_token *tag = event->type == FYET_SCALAR           ? event->scalar.tag
                           : event->type == FYET_MAPPING_START  ? event->mapping_start.tag
                           : event->type == FYET_SEQUENCE_START ? event->sequence_start.tag
                                                                : NULL;
    if (tag)
        refuse_tag(r, tag);
    switch (event->type) {
    case FYET_DOCUMENT_START:
        take_document(r, event);
        break;
    case FYET_SCALAR:
        take_scalar(r, event);
        break;
    case FYET_ALIAS:
        take_alias(r, event);
        break;
    case FYET_SEQUENCE_START:
        open_node(r, NODE_LIST, event, event->sequence_start.anchor);
        break;
    case FYET_MAPPING_START:
        open_node(r, NODE_MAP, event, event->mapping_start.anchor);
        break;
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        close_node(r);
        break;
    default:
        break;
    }
}

/* Lines and columns of the parser's errors count from 1, columns in characters. */
static size_t offset_of(struct span text, int line, int column)
{
    size_t at = 0;
    for (; line > 1; line--) {
        const uint8_t *end = memchr(text.data + at, '\n', text.length - at);
        if (!end)
            return text.length;
        at = (size_t)(end - text.data) + 1;
    }
    for (; column > 1 && at < text.length && text.data[at] != '\n'; column--) {
        size_t length = excerpt_utf8(span_part(text, at, text.length - at));
        at += length > 0 ? length : 1;
    }
    return at;
}

static void take_failure(struct reader *r, struct fy_diag *diag)
{
    void *iterator = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &iterator);
    if (!error || !error->msg) {
        fail(r, place_at(r, 0, 0), "check its quotes, brackets and indentation", "this is not YAML");
        return;
    }
    struct place at = place_at(r, offset_of(r->source->text, error->line, error->column), 1);
    fail(r, at, quotes_help(r->arena, at), arena_format(r->arena, "this is not YAML: %s", error->msg));
}

static void read_events(struct reader *r, struct fy_parser *parser, struct fy_diag *diag)
{
    bool over = false;
    while (!over && !r->failed) {
        struct fy_event *event = fy_parser_parse(parser);
        if (!event) {
            take_failure(r, diag);
            return;
        }
        take_event(r, event);
        over = event->type == FYET_STREAM_END;
        fy_parser_event_free(parser, event);
    }
}

/* The library gets collected errors back out of its diag; should it ever print, this throws it away. */
static void print_nothing(struct fy_diag *diag, void *user, const char *bytes, size_t length)
{
}

static bool parse(struct reader *r)
{
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.output_fn = print_nothing;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    if (!diag)
        return false;
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create(&config);
    bool ready =
        parser && fy_parser_set_string(parser, (const char *)r->source->text.data, r->source->text.length) == 0;
    if (ready)
        read_events(r, parser, diag);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return ready;
}

/* What must not reach the parser: it stops at NUL, and its answer to broken UTF-8 names no place. */
static bool is_readable(struct reader *r)
{
    struct span text = r->source->text;
    if (text.length > YAML_SIZE_MAX) {
        fail(r, (struct place){r->source, PLACE_NOWHERE, 0}, "a configuration has at most 4 MiB",
             "the file is too big");
        return false;
    }
    for (size_t at = 0, length; at < text.length; at += length) {
        length = excerpt_utf8(span_part(text, at, text.length - at));
        if (length == 0) {
            fail(r, place_at(r, at, 1), "save the file as UTF-8", "this byte is not UTF-8");
            return false;
        }
        if (text.data[at] == '\0') {
            fail(r, place_at(r, at, 1), "take it out; is this a text file?", "a NUL byte");
            return false;
        }
    }
    return true;
}

/* The parser reads a whole flow collection ahead, so brackets alone could take a gigabyte before their depth is known.
 * Those in quotes and comments are counted too: no file of sense has that many unclosed ones. */
static bool has_too_many_brackets(struct reader *r)
{
    struct span text = r->source->text;
    size_t open = 0;
    for (size_t at = 0; at < text.length; at++) {
        uint8_t c = text.data[at];
        if (c == '[' || c == '{')
            open++;
        else if ((c == ']' || c == '}') && open > 0)
            open--;
        if (open > YAML_BRACKETS_MAX) {
            fail(r, place_at(r, at, 1), "close them", "more than 1000 brackets are open here");
            return true;
        }
    }
    return false;
}

struct node *yaml_read(const struct source *source, struct arena *arena, struct report *report)
{
    struct reader r = {.source = source, .arena = arena, .report = report};
    if (!is_readable(&r) || has_too_many_brackets(&r))
        return NULL;
    bool empty = source->text.length == 0;
    if (!empty && !parse(&r))
        fail(&r, place_at(&r, 0, 0), NULL, "the YAML parser could not be started");
    if (!r.failed && !r.root)
        fail(&r, (struct place){source, PLACE_NOWHERE, 0},
             "the smallest that works: {listeners: {bind: \":8080\", pool: app}, pools: {app: {servers: "
             "[\"127.0.0.1:3000\"]}}}",
             "the file says nothing");
    return r.failed ? NULL : r.root;
}

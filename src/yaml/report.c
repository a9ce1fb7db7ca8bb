#include "yaml/report.h"

#include "base/text.h"
#include "yaml/excerpt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Room for one message: 120 columns of excerpt may each become four bytes (\xNN), twice, and the words around them. */
#define MESSAGE_SIZE 4096
#define QUOTE_MAX 60

struct message {
    struct message *older;
    size_t sequence;
    enum report_severity severity;
    struct place at;
    const char *words;
    const char *help;
};

void report_init(struct report *report, struct report_out *out, struct arena *arena)
{
    *report = (struct report){.out = out, .arena = arena};
}

bool report_is_full(const struct report *report)
{
    return report->kept == REPORT_KEPT_MAX;
}

static void keep(struct report *report, struct message m, const char *format, va_list arguments) PRINTF_LIKE(3, 0);
static void keep(struct report *report, struct message m, const char *format, va_list arguments)
{
    if (report_is_full(report))
        return;
    char words[MESSAGE_SIZE / 2];
    vsnprintf(words, sizeof(words), format, arguments);
    m.words = arena_text(report->arena, span_text(words));
    m.sequence = report->kept++;
    m.older = report->newest;
    report->newest = arena_alloc(report->arena, sizeof(m));
    *report->newest = m;
}

void report_error(struct report *report, struct place at, const char *help, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    keep(report, (struct message){.severity = REPORT_ERROR, .at = at, .help = help}, format, arguments);
    va_end(arguments);
    report->out->errors++;
}

void report_warning(struct report *report, struct place at, const char *help, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    keep(report, (struct message){.severity = REPORT_WARNING, .at = at, .help = help}, format, arguments);
    va_end(arguments);
    report->out->warnings++;
}

static int by_place(const void *left, const void *right)
{
    const struct message *a = *(const struct message *const *)left, *b = *(const struct message *const *)right;
    unsigned a_number = a->at.source ? a->at.source->number : 0, b_number = b->at.source ? b->at.source->number : 0;
    if (a_number != b_number)
        return a_number < b_number ? -1 : 1;
    if (a->at.offset != b->at.offset)
        return a->at.offset < b->at.offset ? -1 : 1;
    return a->sequence < b->sequence ? -1 : 1;
}

static const char *const severity_names[] = {
    [REPORT_ERROR] = "error", [REPORT_WARNING] = "warning", [REPORT_HELP] = "help"};
static const char *const severity_colours[] = {
    [REPORT_ERROR] = "\033[1;31m", [REPORT_WARNING] = "\033[1;35m", [REPORT_HELP] = "\033[1;32m"};

static void add_severity(struct text *t, const struct report *report, enum report_severity severity)
{
    if (report->out->colour)
        text_add(t, severity_colours[severity]);
    text_add(t, severity_names[severity]);
    text_add(t, report->out->colour ? ":\033[0m " : ": ");
}

static void give(const struct report *report, enum report_severity severity, struct text *t)
{
    if (t->cut)
        t->data[t->length - 1] = '\n';
    if (report->out->message)
        report->out->message(report->out->context, severity, t->data);
}

/* limpet: error: --key "heade:X": unknown key source; did you mean `header:X`? */
static void send_flag(const struct report *report, const struct message *m)
{
    char buffer[MESSAGE_SIZE];
    struct text t;
    text_init(&t, buffer, sizeof(buffer));
    text_add(&t, "limpet: ");
    add_severity(&t, report, m->severity);
    if (m->at.source) {
        excerpt_safe(&t, span_text(m->at.source->name));
        text_add(&t, ": ");
    }
    excerpt_safe(&t, span_text(m->words));
    if (m->help) {
        text_add(&t, "; ");
        excerpt_safe(&t, span_text(m->help));
    }
    text_add(&t, "\n");
    give(report, m->severity, &t);
}

static void add_position(struct text *t, const struct report *report, struct place at, enum report_severity severity)
{
    struct excerpt_position position = {.line = 1, .column = 1};
    if (at.offset != PLACE_NOWHERE)
        position = excerpt_position(at.source->text, at.offset);
    excerpt_safe(t, span_text(at.source->name));
    text_add_format(t, ":%zu:%zu: ", position.line, position.column);
    add_severity(t, report, severity);
}

static void send_message(const struct report *report, const struct message *m)
{
    if (!m->at.source || m->at.source->is_flag) {
        send_flag(report, m);
        return;
    }
    char buffer[MESSAGE_SIZE];
    struct text t;
    text_init(&t, buffer, sizeof(buffer));
    add_position(&t, report, m->at, m->severity);
    excerpt_safe(&t, span_text(m->words));
    text_add(&t, "\n");
    if (m->at.offset != PLACE_NOWHERE)
        excerpt_add(&t, m->at.source->text, m->at.offset, m->at.length);
    give(report, m->severity, &t);
    if (!m->help)
        return;
    text_init(&t, buffer, sizeof(buffer));
    add_position(&t, report, m->at, REPORT_HELP);
    excerpt_safe(&t, span_text(m->help));
    text_add(&t, "\n");
    give(report, REPORT_HELP, &t);
}

static void send_rest(const struct report *report, enum report_severity severity, unsigned all, unsigned shown)
{
    if (all <= shown)
        return;
    char buffer[128];
    struct text t;
    text_init(&t, buffer, sizeof(buffer));
    text_add(&t, "limpet: ");
    add_severity(&t, report, severity);
    text_add_format(&t, "%u more %s%s not shown\n", all - shown, severity_names[severity],
                    all - shown == 1 ? " is" : "s are");
    give(report, severity, &t);
}

void report_flush(struct report *report)
{
    struct message **sorted = arena_alloc(report->arena, report->kept * sizeof(struct message *) + 1);
    size_t count = 0;
    for (struct message *m = report->newest; m; m = m->older)
        sorted[count++] = m;
    qsort(sorted, count, sizeof(struct message *), by_place);

    unsigned shown[2] = {0, 0};
    for (size_t i = 0; i < count; i++)
        if (shown[sorted[i]->severity] < REPORT_SHOWN_MAX) {
            shown[sorted[i]->severity]++;
            send_message(report, sorted[i]);
        }
    send_rest(report, REPORT_WARNING, report->out->warnings, shown[REPORT_WARNING]);
    send_rest(report, REPORT_ERROR, report->out->errors, shown[REPORT_ERROR]);
    report->newest = NULL;
    report->kept = 0;
}

const char *report_quote(struct report *report, struct span words)
{
    bool cut = words.length > QUOTE_MAX;
    int length = (int)(cut ? QUOTE_MAX : words.length);
    return arena_format(report->arena, "`%.*s%s`", length, words.length > 0 ? (const char *)words.data : "",
                        cut ? "..." : "");
}

size_t report_line(struct place at)
{
    return excerpt_position(at.source->text, at.offset).line;
}

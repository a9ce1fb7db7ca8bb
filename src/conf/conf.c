#include "conf/conf.h"

#include "base/arena.h"
#include "conf/build.h"
#include "conf/flags.h"
#include "conf/key_source.h"
#include "conf/values.h"
#include "yaml/yaml.h"

#include <assert.h>
#include <errno.h>

static const char utf8_bom[] = "\xef\xbb\xbf";

static struct span without_bom(struct span text)
{
    size_t length = strlen(utf8_bom);
    if (text.length >= length && memcmp(text.data, utf8_bom, length) == 0)
        return span_part(text, length, text.length - length);
    return text;
}

/* "conf/limpet.yaml" -> "conf/"; empty for a file that is here. */
static const char *directory_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_text(arena, span_of(path, (size_t)(slash - path) + 1)) : "";
}

static struct plan *load_file(struct build *b, const char *path)
{
    struct source *source = arena_alloc(b->arena, sizeof(*source));
    source->name = arena_text(b->arena, span_text(path));
    const struct conf_files *files = b->files;
    int failure = (files->read_main ? files->read_main : files->read)(files->context, path, &source->text);
    if (failure < 0) {
        report_error(b->report, (struct place){NULL, PLACE_NOWHERE, 0},
                     failure == -ENOENT ? "give its path with --config" : NULL, "cannot read `%s`: %s", path,
                     strerror(-failure));
        return NULL;
    }
    source->text = without_bom(source->text);
    b->directory = directory_of(b->arena, path);
    const struct node *root = yaml_read(source, b->arena, b->report);
    return root ? build_plan(b, root) : NULL;
}

static struct plan *load_flags(struct build *b, const struct conf_flags *flags)
{
    const struct place nowhere = {NULL, PLACE_NOWHERE, 0};
    b->from_flags = true;
    b->directory = "";
    if (flags->run && flags->command_count == 0)
        report_error(b->report, nowhere, "add it, such as -- node app.js", "there is no COMMAND");
    if (!flags->run && flags->listen_count == 0)
        report_error(b->report, nowhere, "add `--listen :8080`", "there is nothing to listen on");
    if (!flags->run && flags->server_count == 0)
        report_error(b->report, nowhere, "add an address, such as 127.0.0.1:3000", "there is no SERVER");
    if (b->report->out->errors > 0)
        return NULL;
    return build_plan(b, flags_tree(flags, b->arena, &b->sources));
}

/* One of path and flags is null. */
static struct plan *load(const char *path, const struct conf_flags *flags, const struct conf_files *files,
                         struct report_out *out)
{
    assert(!path != !flags);
    struct arena *arena = arena_new();
    if (!arena) {
        out->errors++;
        return NULL;
    }
    struct report report;
    out->errors = 0;
    out->warnings = 0;
    report_init(&report, out, arena);
    struct build build = {.arena = arena, .report = &report, .files = files};
    struct plan *plan = path ? load_file(&build, path) : load_flags(&build, flags);
    report_flush(&report);
    if (!plan)
        arena_free(arena);
    return plan;
}

struct plan *conf_load_file(const char *path, const struct conf_files *files, struct report_out *report)
{
    return load(path, NULL, files, report);
}

struct plan *conf_load_flags(const struct conf_flags *flags, const struct conf_files *files, struct report_out *report)
{
    return load(NULL, flags, files, report);
}

const char *conf_key_source(struct span text, struct arena *arena, struct plan_key *key)
{
    return key_source_parse(text, arena, key);
}

const char *conf_duration(struct span text, micros *duration)
{
    enum value_fault fault = values_duration(text, duration);
    if (fault == VALUE_FINE)
        return NULL;
    return fault == VALUE_NO_UNIT ? "the unit is missing: write 5s or 5ms" : values_fault_text(fault);
}

#include "conf/npm.h"

#include "base/attr.h"

#include <jansson.h>

/* Scripts that name scripts: `"start": "npm run serve"`. */
#define DEPTH_MAX 4

/* A longer command is no help in a message. */
#define SHOWN_MAX 200

#define WORDS_MAX 32

static const char *base_name(const char *word)
{
    const char *slash = strrchr(word, '/');
    return slash ? slash + 1 : word;
}

static bool is_assignment(const char *word)
{
    size_t name = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return name > 0 && word[name] == '=';
}

static const char *const *without_env(const char *const *command)
{
    if (*command && strcmp(base_name(*command), "env") == 0)
        command++;
    while (*command && is_assignment(*command))
        command++;
    return command;
}

/* The program that a command starts; empty if there is none. */
static const char *program_of(const char *const *command)
{
    const char *const *rest = without_env(command);
    return *rest ? base_name(*rest) : "";
}

const char *npm_manager(const char *const *command)
{
    static const char *const names[] = {"npm", "yarn", "pnpm"};
    const char *program = program_of(command);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (strcmp(program, names[i]) == 0)
            return names[i];
    return NULL;
}

bool npm_is_bun(const char *const *command)
{
    const char *program = program_of(command);
    return strcmp(program, "bun") == 0 || strcmp(program, "bunx") == 0;
}

/* ---- scripts ------------------------------------------------------------------------------------------------------- */

static const char *const *skip_options(const char *const *word)
{
    while (*word && (*word)[0] == '-')
        word++;
    return word;
}

/* The name of the script: null-terminated words that begin with it, or with the end. */
static const char *const *script_of(const char *const *command)
{
    const char *const *word = skip_options(without_env(command) + 1);
    if (*word && (strcmp(*word, "run") == 0 || strcmp(*word, "run-script") == 0))
        word = skip_options(word + 1);
    return word;
}

static const char *find_script(const json_t *package, const char *name)
{
    const char *script = json_string_value(json_object_get(json_object_get(package, "scripts"), name));
    /* What npm does without a script, if there is such a file. */
    return script || strcmp(name, "start") != 0 ? script : "node server.js";
}

/* Fit for a message. */
static bool can_be_shown(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return text[0] != '\0' && strlen(text) <= SHOWN_MAX;
}

/* No shell is needed to take it apart. */
static bool is_plain(const char *script)
{
    return can_be_shown(script) && !strpbrk(script, "&|;<>()$`\"'\\*?#~!{}[]");
}

static const char *join(struct arena *arena, const char *const *words)
{
    const char *all = "";
    for (; *words; words++)
        all = arena_format(arena, "%s%s%s", all, all[0] ? " " : "", *words);
    return all;
}

/* ---- what to write ------------------------------------------------------------------------------------------------- */

/* Words of a plain script; false if they are too many. */
static bool split(struct arena *arena, const char *script, const char *words[WORDS_MAX + 1])
{
    size_t count = 0;
    char *rest = arena_text(arena, span_text(script));
    for (char *word; (word = strsep(&rest, " "));)
        if (word[0] != '\0') {
            if (count == WORDS_MAX)
                return false;
            words[count++] = word;
        }
    words[count] = NULL;
    return count > 0;
}

/* npm looks for programs in the package first; limpet looks where a shell would. */
static bool is_of_package(const char *word)
{
    static const char *const others[] = {"node", "nodejs", "env", "bun", "deno", "sh", "bash", "python3"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        if (strcmp(word, others[i]) == 0)
            return false;
    return !strchr(word, '/');
}

/* The words as limpet can start them. */
static const char *as_command(struct arena *arena, const char **words)
{
    /* cross-env is env for Windows, and nodemon is node that starts again: both are Node programs on the way. */
    if (strcmp(words[0], "cross-env") == 0)
        words[0] = "env";
    const char **program = words + (without_env(words) - (const char *const *)words);
    if (!*program)
        return NULL;
    if (strcmp(*program, "nodemon") == 0)
        *program = "node";
    else if (is_of_package(*program))
        *program = arena_format(arena, "node_modules/.bin/%s", *program);
    return arena_format(arena, "%s%s", is_assignment(words[0]) ? "env " : "", join(arena, words));
}

/* Arguments behind the name of a script are handed on to it; `--` parts them from npm's own. */
static const char *handed_on(struct arena *arena, const char *const *rest)
{
    while (*rest && strcmp(*rest, "--") == 0)
        rest++;
    return *rest ? arena_format(arena, " %s", join(arena, rest)) : "";
}

/* What a manager's command starts in the end; null if that cannot be said in words without a shell. The last script on
 * the way there is in *script, null if there is none. */
static const char *resolve(struct arena *arena, const char *const *command, const json_t *package, const char **script)
{
    const char **words = arena_alloc(arena, (WORDS_MAX + 1) * sizeof(*words));
    for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
        const char *const *name = script_of(command);
        const char *found = *name ? find_script(package, *name) : NULL;
        if (!found)
            return NULL;
        *script = arena_format(arena, "%s%s", found, handed_on(arena, name + 1));
        if (!is_plain(*script) || !split(arena, *script, words))
            return NULL;
        if (!npm_manager(words))
            return as_command(arena, words);
        command = words;
        words = arena_alloc(arena, (WORDS_MAX + 1) * sizeof(*words));
    }
    return NULL;
}

const char *npm_advice(struct arena *arena, const char *const *command, struct span package_json)
{
    if (!npm_manager(command))
        return NULL;
    const char *said = join(arena, command), *script = NULL;
    json_t *package =
        package_json.length > 0 ? json_loadb((const char *)package_json.data, package_json.length, 0, NULL) : NULL;
    const char *instead = package ? resolve(arena, command, package, &script) : NULL;
    json_decref(package);
    if (instead && can_be_shown(said))
        return arena_format(arena, "write `%s` instead of `%s`", instead, said);
    if (script && can_be_shown(script))
        return arena_format(arena, "write the command that starts node in its script, `%s`", script);
    return "write the command that starts node in the script of package.json, such as node server.js";
}

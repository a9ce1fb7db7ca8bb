/* What is said about commands that hide the program which was meant. */

#include "conf/npm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char package[] =
    "{\"scripts\": {\"start\": \"node server.js\", \"prod\": \"NODE_ENV=production node dist/main.js\","
    " \"cross\": \"cross-env A=b C=d node x.js\", \"ts\": \"ts-node src/app.ts\", \"dev\": \"nodemon app.js\","
    " \"serve\": \"npm run prod -- --quiet\", \"loop\": \"npm run loop\", \"built\": \"tsc && node dist/main.js\","
    " \"number\": 5, \"evil\": \"node \\u001b[31m\", \"empty\": \"\", \"vars\": \"A=b\","
    " \"path\": \"./bin/serve --all\"}}";

static struct arena *arena;

static int open_arena(void **state)
{
    arena = arena_new();
    return arena ? 0 : -1;
}

static int close_arena(void **state)
{
    arena_free(arena);
    return 0;
}

static const char *advice(const char *const *command)
{
    return npm_advice(arena, command, span_text(package));
}

static void other_commands_need_no_advice(void **state)
{
    assert_null(advice(COMMAND("node", "app.js")));
    assert_null(advice(COMMAND("npmish", "start")));
    assert_null(advice(COMMAND("node", "npm", "start")));
    assert_null(advice(COMMAND("env", "A=b")));
    assert_null(npm_manager(COMMAND("env")));
}

static void the_command_of_the_script_is_what_to_write(void **state)
{
    assert_string_equal(advice(COMMAND("npm", "start")), "write `node server.js` instead of `npm start`");
    assert_string_equal(advice(COMMAND("yarn", "start")), "write `node server.js` instead of `yarn start`");
    assert_string_equal(advice(COMMAND("/opt/bin/pnpm", "run", "start")),
                        "write `node server.js` instead of `/opt/bin/pnpm run start`");
    assert_string_equal(advice(COMMAND("npm", "--silent", "run-script", "-s", "path")),
                        "write `./bin/serve --all` instead of `npm --silent run-script -s path`");
    assert_string_equal(advice(COMMAND("env", "A=b", "npm", "start")),
                        "write `node server.js` instead of `env A=b npm start`");
}

static void arguments_are_handed_on(void **state)
{
    assert_string_equal(advice(COMMAND("npm", "start", "--", "--port", "80")),
                        "write `node server.js --port 80` instead of `npm start -- --port 80`");
    assert_string_equal(advice(COMMAND("npm", "run", "serve")),
                        "write `env NODE_ENV=production node dist/main.js --quiet` instead of `npm run serve`");
}

static void what_npm_adds_is_added(void **state)
{
    assert_string_equal(advice(COMMAND("npm", "run", "cross")),
                        "write `env A=b C=d node x.js` instead of `npm run cross`");
    assert_string_equal(advice(COMMAND("yarn", "ts")),
                        "write `node_modules/.bin/ts-node src/app.ts` instead of `yarn ts`");
    assert_string_equal(advice(COMMAND("yarn", "dev")), "write `node app.js` instead of `yarn dev`");
    assert_string_equal(npm_advice(arena, COMMAND("npm", "start"), span_text("{}")),
                        "write `node server.js` instead of `npm start`");
}

static void a_script_for_a_shell_is_shown_as_it_is(void **state)
{
    assert_string_equal(advice(COMMAND("npm", "run", "built")),
                        "write the command that starts node in its script, `tsc && node dist/main.js`");
    assert_string_equal(advice(COMMAND("npm", "run", "loop")),
                        "write the command that starts node in its script, `npm run loop`");
    assert_string_equal(advice(COMMAND("npm", "run", "vars")),
                        "write the command that starts node in its script, `A=b`");
}

static void without_a_script_the_place_to_look_is_named(void **state)
{
    static const char general[] =
        "write the command that starts node in the script of package.json, such as node server.js";
    assert_string_equal(advice(COMMAND("npm")), general);
    assert_string_equal(advice(COMMAND("npm", "run")), general);
    assert_string_equal(advice(COMMAND("npm", "run", "none")), general);
    assert_string_equal(advice(COMMAND("npm", "run", "number")), general);
    assert_string_equal(advice(COMMAND("npm", "run", "evil")), general);
    assert_string_equal(advice(COMMAND("npm", "run", "empty")), general);
    assert_string_equal(npm_advice(arena, COMMAND("npm", "start"), span_of(NULL, 0)), general);
    assert_string_equal(npm_advice(arena, COMMAND("npm", "start"), span_text("{")), general);
    assert_string_equal(npm_advice(arena, COMMAND("npm", "test"), span_text("[\"scripts\"]")), general);
}

static void bun_is_known_by_its_name(void **state)
{
    assert_true(npm_is_bun(COMMAND("/usr/local/bin/bun", "app.ts")));
    assert_true(npm_is_bun(COMMAND("env", "A=b", "bunx", "app")));
    assert_false(npm_is_bun(COMMAND("node", "bun")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_commands_need_no_advice),
        cmocka_unit_test(the_command_of_the_script_is_what_to_write),
        cmocka_unit_test(arguments_are_handed_on),
        cmocka_unit_test(what_npm_adds_is_added),
        cmocka_unit_test(a_script_for_a_shell_is_shown_as_it_is),
        cmocka_unit_test(without_a_script_the_place_to_look_is_named),
        cmocka_unit_test(bun_is_known_by_its_name),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}

#include "cli/admin_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static uid_t user;

uid_t geteuid(void)
{
    return user;
}

static void assert_path(const char *expected)
{
    char buffer[ADMIN_PATH_SIZE];
    assert_string_equal(admin_default_path(buffer, sizeof(buffer)), expected);
}

static void root_has_a_place_below_run(void **state)
{
    user = 0;
    unsetenv("LIMPET_ADMIN");
    setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
    assert_path("unix:/run/limpet/admin.sock");
}

static void others_have_one_of_their_own(void **state)
{
    user = 1000;
    unsetenv("LIMPET_ADMIN");
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    assert_path("unix:/run/user/1000/limpet/admin.sock");
    setenv("XDG_RUNTIME_DIR", "", 1);
    assert_path("unix:/tmp/limpet-1000/admin.sock");
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    assert_path("unix:/tmp/limpet-1000/admin.sock");
    unsetenv("XDG_RUNTIME_DIR");
    assert_path("unix:/tmp/limpet-1000/admin.sock");
}

static void the_environment_may_name_another(void **state)
{
    setenv("LIMPET_ADMIN", "unix:/srv/admin", 1);
    assert_string_equal(admin_named_path(), "unix:/srv/admin");
    assert_path("unix:/srv/admin");
    setenv("LIMPET_ADMIN", "", 1);
    assert_null(admin_named_path());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_has_a_place_below_run),
        cmocka_unit_test(others_have_one_of_their_own),
        cmocka_unit_test(the_environment_may_name_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

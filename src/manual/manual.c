#include "manual/manual.h"

#include "base/attr.h"
#include "cli/options.h"
#include "manual/roff.h"
#include "plan/plan.h"

#include <string.h>

void manual_key_sources(void)
{
    for (int i = 0; i < KEY_KIND_COUNT; i++) {
        const struct key_source *source = &key_sources[i];
        roff_entry(source->word, source->argument, source->help);
    }
}

int command_manual(int argc, char **argv)
{
    static const struct page {
        const char *name;
        void (*write)(void);
    } pages[] = {
        {"limpet.1", manual_program}, {"limpet.yaml.5", manual_configuration}, {"limpet-worker.7", manual_worker}};
    struct options options;
    const char *name = "";
    enum option option;
    options_init(&options, "manual", argc, argv);
    while ((option = options_next(&options)) == OPTION_OPERAND)
        name = options.value;
    if (option == OPTION_STOP)
        return (int)options.status;
    for (size_t i = 0; i < ARRAY_LENGTH(pages); i++) {
        if (strcmp(name, pages[i].name) == 0) {
            pages[i].write();
            return EXIT_FINE;
        }
    }
    return options_wrong(&options, "name a page: limpet.1, limpet.yaml.5 or limpet-worker.7");
}

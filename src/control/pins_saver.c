#include "control/pins_saver.h"

#include "base/log.h"
#include "control/pins_file.h"

#include <errno.h>
#include <string.h>

static void save(struct pins_saver *saver)
{
    const char *path = saver->plan->pins.file;
    long count = pins_file_save(saver->plan, saver->memory);
    if (count < 0 && !saver->failing)
        log_warning("pins cannot be saved in %s: %s; they last as long as this limpet", path, strerror((int)-count));
    else if (count >= 0 && saver->failing)
        log_notice("pins are saved in %s again", path);
    saver->failing = count < 0;
}

static void set_timer(struct pins_saver *saver)
{
    if (timer_set(&saver->loop->timers, &saver->timer, clock_steady() + PINS_SAVER_EVERY) != 0)
        log_warning("pins are saved only at the end: there is no memory for a deadline");
}

static void fire(struct timer *timer)
{
    struct pins_saver *saver = container_of(timer, struct pins_saver, timer);
    save(saver);
    set_timer(saver);
}

void pins_saver_begin(struct pins_saver *saver, struct loop *loop, const struct plan *plan, void *memory)
{
    timer_init(&saver->timer, fire);
    if (!memory || !plan->pins.file)
        return;
    *saver = (struct pins_saver){.loop = loop, .plan = plan, .memory = memory, .timer = saver->timer};
    long count = pins_file_load(plan, memory);
    if (count > 0) {
        log_notice("%ld pin%s read from %s", count, count == 1 ? "" : "s", plan->pins.file);
    } else if (count < 0) {
        /* Whatever is there may be dear to somebody. */
        log_warning("%s: %s; it is left alone, and pins last as long as this limpet", plan->pins.file,
                    count == -EBADMSG ? "this is no file of pins" : strerror((int)-count));
        saver->plan = NULL;
        return;
    } else {
        save(saver); /* where nothing is, nobody knows yet whether anything can be */
    }
    set_timer(saver);
}

void pins_saver_end(struct pins_saver *saver)
{
    if (!saver->plan)
        return;
    timer_clear(&saver->loop->timers, &saver->timer);
    save(saver);
    saver->plan = NULL;
}

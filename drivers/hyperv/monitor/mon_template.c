/* mon_template.c - a machine that has booted, written down once and gone on with many times.
 *
 * The memory is a file (save) or a private view of one (restore), so only the devices' state is in
 * the stream ("x-ignore-shared"). The steps are QMP commands, each after the answer to the last. A
 * start from a template that fails in any way is a start without one: nothing of the service has
 * been said to the guest by then.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { LOAD_MS = 20000, PARTS = 3 };

/* For writing a template down, and for the first word of a machine that was woken: some tenths of a
 * second each, on a host that isn't busy. */
static uint64_t patience_ms(const struct wc_mon *mon)
{
    uint64_t part = mon->conf.boot_ms / PARTS;
    return part < LOAD_MS ? part : LOAD_MS;
}

bool wc_mon_template_sleeps(const struct wc_mon *mon, uint64_t now)
{
    uint64_t patience = patience_ms(mon), since = now - mon->woken_ms;
    return mon->woken_ms != 0 && mon->state == WC_MON_TOLD && since > patience &&
           since > patience + wc_mon_starved_ms(mon, mon->woken_starved_ms);
}

static unsigned step; /* commands that were answered */

static const char capabilities[] =
    "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":["
    "{\"capability\":\"x-ignore-shared\",\"state\":true},"
    "{\"capability\":\"events\",\"state\":true}]}}\r\n";

/* Goes with the descriptor of the state's file. */
static const char hand_over[] = "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}\r\n";

/* In order; the first follows the answer to qmp_capabilities (restore), or HELLO (save). */
static const char *const save[] = {
    "{\"execute\":\"stop\"}\r\n",
    capabilities,
    hand_over,
    "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:state\"}}\r\n",
    NULL,
};
static const char *const restore[] = {
    capabilities,
    hand_over,
    "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"fd:state\"}}\r\n",
    NULL,
};

static void next(struct wc_mon *mon)
{
    const char *const *commands = mon->conf.mode[0] == 's' ? save : restore;
    size_t n = mon->conf.mode[0] == 's' ? sizeof save / sizeof save[0]
                                        : sizeof restore / sizeof restore[0];
    if (step < n && commands[step] != NULL)
        wc_mon_qmp_send(mon, commands[step], commands[step] == hand_over ? mon->state_fd : -1);
    step++;
}

void wc_mon_template_save(struct wc_mon *mon)
{
    mon->deadline_ms = wc_mon_now_ms() + patience_ms(mon);
    step = 0;
    next(mon);
}

static bool is_saving(const struct wc_mon *mon)
{
    return mon->conf.mode[0] == 's';
}

static void failed(struct wc_mon *mon, const char *line)
{
    if (is_saving(mon))
        wc_mon_break(mon, line);
    else
        wc_mon_template_give_up(mon, line);
}

static void completed(struct wc_mon *mon)
{
    if (is_saving(mon)) {
        mon->status = 0;
        mon->over = true;
        return;
    }
    mon->woken_ms = wc_mon_now_ms();
    mon->woken_starved_ms = wc_mon_starved_ms(mon, 0);
    mon->deadline_ms = mon->woken_ms + mon->conf.boot_ms;
    wc_mon_qmp_send(mon, "{\"execute\":\"cont\"}\r\n", -1); /* it was stopped to be written down */
    wc_mon_tell_agent(mon); /* it said HELLO before it was written down */
    (void)wc_mon_send(mon, WC_VM_PING, 0, &mon->woken_ms, sizeof mon->woken_ms);
}

void wc_mon_template_line(struct wc_mon *mon, const char *line)
{
    bool saves = is_saving(mon);
    if (strstr(line, "\"error\"") != NULL) {
        failed(mon, line);
    } else if (strstr(line, "\"MIGRATION\"") != NULL) {
        if (strstr(line, "\"completed\"") != NULL)
            completed(mon);
        else if (strstr(line, "\"failed\"") != NULL)
            failed(mon, line);
    } else if (strstr(line, "\"return\"") != NULL && (!saves || step > 0)) {
        next(mon);
    }
}

static void boot(struct wc_mon *mon)
{
    if (mon->vmm > 0 && !mon->vmm_gone) {
        (void)kill(mon->vmm, SIGKILL);
        while (waitpid(mon->vmm, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    mon->vmm_gone = mon->reset = mon->panicked = false;
    mon->conf.mode = NULL;
    mon->woken_ms = 0;
    mon->boot_at = 0;
    wc_mon_channel_reset();
    mon->state = WC_MON_BOOTS; /* nothing that was opened for the service is lost: it has not run */
    mon->boots_ms = wc_mon_now_ms();
    wc_mon_qmp_reset();
    if (wc_mon_spawn_vmm(mon, mon->conf.cold.n > 0 ? &mon->conf.cold : &mon->conf.vmm) != 0)
        wc_mon_break(mon, wc_fault_text());
}

void wc_mon_template_give_up(struct wc_mon *mon, const char *why)
{
    wc_mon_word(mon, "says", "the template is of no use, a cold start instead:");
    wc_mon_word(mon, "says", why);
    mon->deadline_ms = wc_mon_now_ms() + mon->conf.boot_ms;
    boot(mon);
}

/* A sixth of all the time it has, then a third, without what it was given no processor for: a busy
 * host must not be taken for a stuck guest. */
bool wc_mon_boot_is_stuck(const struct wc_mon *mon, uint64_t now)
{
    bool saves = mon->conf.mode != NULL; /* that machine is one for all others: no second try */
    uint64_t limit = mon->conf.boot_ms / 6 * (1U << mon->boots), since = now - mon->boots_ms;
    return mon->state == WC_MON_BOOTS && !saves && mon->boots < mon->conf.retries &&
           since > limit && since > limit + wc_mon_starved_ms(mon, mon->starved_ms);
}

void wc_mon_boot_again(struct wc_mon *mon)
{
    mon->boots++;
    wc_mon_word(mon, "says", "nothing was heard of the guest: it is started anew");
    boot(mon);
}

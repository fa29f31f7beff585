/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What every probe of a trial needs: to speak, to open and to close. */
#include "hsm/trial_probe.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "hsm/ckr.h"
#include "hsm/token_lock.h"

#define LINE_MAX_BYTES (3 * TRIAL_TEXT_MAX)

/* ---- speaking ---- */

/* A parent that does not hear is gone: so is this child's purpose. */
static void send_line(const struct trial *trial, const char *line)
{
    size_t length = strlen(line);
    if (write(trial->out, line, length) != (ssize_t)length) /* below PIPE_BUF: whole or not */
        _exit(EXIT_FAILURE);
}

/* A module's own words may hold anything. */
static void clean(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            *text = *text == '\t' || *text == '\n' ? ' ' : '?';
    }
}

void trial_say(const struct trial *trial, enum trial_state state, const char *reason,
               const char *advice, const char *format, ...)
{
    char finding[TRIAL_TEXT_MAX];
    char line[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding, sizeof finding, format, arguments);
    va_end(arguments);
    clean(finding);
    (void)snprintf(line, sizeof line, "R%d\t%.*s\t%s\t%.*s\n", (int)state, TRIAL_REASON_MAX - 1,
                   reason, finding, TRIAL_TEXT_MAX - 1, advice);
    send_line(trial, line);
}

/* Whether the fault's number is the module's return value; others are errno. */
static bool is_ckr(const struct fault *fault)
{
    return fault->native > 0 &&
           strcmp(ckr_meaning((unsigned long)fault->native)->reason, fault->reason) == 0;
}

void trial_say_fault(const struct trial *trial, const struct fault *fault)
{
    const bool has_mechanism = trial->probe->mechanism != TRIAL_NONE && trial->p11.call != NULL;
    const char *listing = trial->is_listed ? ", though it is listed" : "; the module lists none";
    const unsigned long rv = (unsigned long)fault->native;
    if (!is_ckr(fault))
        trial_say(trial, TRIAL_NO, fault->reason, fault->detail, "%s", fault->reason);
    else
        trial_say(trial, TRIAL_NO, fault->reason, ckr_words(rv), "%s (0x%lx)%s", ckr_name(rv), rv,
                  has_mechanism ? listing : "");
}

void trial_say_detail(const struct trial *trial, const char *name, const char *format, ...)
{
    char value[TRIAL_TEXT_MAX];
    char line[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    clean(value);
    (void)snprintf(line, sizeof line, "D%s\t%s\n", name, value);
    send_line(trial, line);
}

void trial_say_number(const struct trial *trial, int64_t number)
{
    char line[LINE_MAX_BYTES];
    (void)snprintf(line, sizeof line, "N%lld\n", (long long)number);
    send_line(trial, line);
}

/* ---- opening ---- */

static void note_login(void *context, bool is_done)
{
    send_line(context, is_done ? "L0\n" : "L1\n");
}

static struct p11_options options_of(struct trial *trial)
{
    return (struct p11_options){.module = trial->config->module,
                                .token = trial->config->token,
                                .arguments = trial->config->module_arguments,
                                .serial = "",
                                .note_login = note_login,
                                .context = trial};
}

static void learn_listing(struct trial *trial)
{
    CK_MECHANISM_INFO info;
    struct p11 *p11 = &trial->p11;
    const struct trial_probe *probe = trial->probe;
    if (probe->mechanism != TRIAL_NONE)
        trial->is_listed =
            p11->call->C_GetMechanismInfo(p11->slot, probe->mechanism, &info) == CKR_OK &&
            (info.flags & probe->flags) == probe->flags;
}

enum error trial_find_token(struct trial *trial, struct fault *fault)
{
    const struct p11_options options = options_of(trial);
    return p11_find_token(&trial->p11, &options, trial->pin, fault);
}

/* Tied to the parent behind the login, and not before: see worker.c. */
enum error trial_open(struct trial *trial, struct fault *fault)
{
    const struct p11_options options = options_of(trial);
    enum error e = token_lock_take(trial->token_lock, fault);
    if (e != ERR_OK)
        return e;
    e = p11_open(&trial->p11, &options, trial->pin, fault);
    token_lock_leave(trial->token_lock);
    trial->p11.anchor_label = trial->label;
    trial->p11.probe_label = trial->probe_label;
    trial->p11.mode = trial->mode;
    if (e == ERR_OK) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        learn_listing(trial);
    }
    return e;
}

bool trial_begin(struct trial *trial)
{
    struct fault fault = {0};
    if (trial_open(trial, &fault) == ERR_OK)
        return true;
    trial_say_fault(trial, &fault);
    trial_close(trial);
    return false;
}

void trial_close(struct trial *trial)
{
    p11_close(&trial->p11);
}

/* ---- keys ---- */

struct p11_new_key trial_new_key(const struct trial *trial, bool is_session)
{
    struct p11_new_key asked = {.label = trial->label, .is_session = is_session};
    random_fill(asked.id.bytes, sizeof asked.id.bytes);
    return asked;
}

enum error trial_make_firmware_key(struct trial *trial, struct hsm_key_id *ret_id,
                                   struct fault *fault)
{
    struct p11 *p11 = &trial->p11;
    struct p11_new_key asked = trial_new_key(trial, true);
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    unsigned template = 0;
    enum error e = p11_make_firmware_key(p11, &asked, &key, &template, fault);
    if (e != ERR_OK)
        return e;
    p11->firmware_keys[0] = (struct p11_firmware_key){.id = asked.id, .handle = key};
    p11->firmware_key_count = 1;
    *ret_id = asked.id;
    return ERR_OK;
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One small file, replaced by rename. */
#include "hsm/pin_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRESH_FILE "pin-state.new"
#define ACCEPTED   "accepted\n"
#define REFUSED    "refused\n"
#define TRIES_FORM "tries %u\n"
#define TEXT_MAX   64
#define LOST_MAX   2 /* tokens lock after three wrong ones */
#define FILE_MODE  0600

struct pin_guard {
    const char *folder;
    pthread_mutex_t lock; /* guards the rest */
    bool is_good;         /* the token accepted the PIN since this program started */
    bool was_good;        /* it accepted one in an earlier start: lost logins are not kept */
    unsigned lost;        /* logins without an answer, before the present one */
};

static enum error fail_file(struct fault *fault)
{
    return fault_set(
        fault, ERR_HSM_UNAVAILABLE, "pin-state-unusable",
        "The folder of [hsm] state must be there and writable, for it says whether the "
        "PIN was refused before; the PIN was not tried.",
        errno);
}

static enum error refuse_before(struct fault *fault)
{
    return fault_set(
        fault, ERR_HSM_PIN_REFUSED, "pin-refused-before",
        "The token refused the PIN in an earlier start and it was not tried again. Put "
        "the right one in place, remove the file pin-state, and restart "
        "provision-hsm.",
        0);
}

static enum error refuse_unconfirmed(long native, struct fault *fault)
{
    return fault_set(
        fault, ERR_HSM_PIN_REFUSED, "pin-not-confirmed",
        "The HSM failed twice while it checked the PIN, which is not tried again. When "
        "the HSM is well, remove the file pin-state and restart provision-hsm.",
        native);
}

enum error pin_guard_new(const char *folder, struct pin_guard **ret_guard)
{
    struct pin_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL)
        return ERR_INTERNAL;
    guard->folder = folder;
    (void)pthread_mutex_init(&guard->lock, NULL);
    *ret_guard = guard;
    return ERR_OK;
}

void pin_guard_free(struct pin_guard *guard)
{
    if (guard == NULL)
        return;
    (void)pthread_mutex_destroy(&guard->lock);
    free(guard);
}

/* ---- the file ---- */

static int open_folder(const struct pin_guard *guard)
{
    return open(guard->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What is there, as text; no tries when there is none. False with errno set. */
static bool read_text(int folder, char text[TEXT_MAX])
{
    int file = openat(folder, PIN_GUARD_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    (void)snprintf(text, TEXT_MAX, TRIES_FORM, 0U);
    if (file < 0)
        return errno == ENOENT;
    ssize_t length = read(file, text, TEXT_MAX - 1);
    (void)close(file);
    if (length >= 0)
        text[length] = '\0';
    return length >= 0;
}

/* Whatever is no number of tries is a refusal: also an empty file that somebody made by hand. */
static bool is_refusal(const char *text, unsigned *ret_lost)
{
    char form[TEXT_MAX];
    for (unsigned lost = 0; lost <= LOST_MAX; lost++) {
        (void)snprintf(form, sizeof form, TRIES_FORM, lost);
        if (strcmp(text, form) == 0) {
            *ret_lost = lost;
            return false;
        }
    }
    return true;
}

static bool write_text(int folder, const char *text)
{
    int file = openat(folder, FRESH_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                      FILE_MODE);
    if (file < 0)
        return false;
    bool is_good = write(file, text, strlen(text)) == (ssize_t)strlen(text) && fsync(file) == 0;
    return close(file) == 0 && is_good &&
           renameat(folder, FRESH_FILE, folder, PIN_GUARD_FILE) == 0 && fsync(folder) == 0;
}

static bool replace_text(const struct pin_guard *guard, const char *text)
{
    int folder = open_folder(guard);
    bool is_good = folder >= 0 && write_text(folder, text);
    if (folder >= 0)
        (void)close(folder);
    return is_good;
}

static bool write_tries(const struct pin_guard *guard, unsigned tries)
{
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, TRIES_FORM, tries);
    return replace_text(guard, text);
}

/* ---- the rules ---- */

static bool read_file(const struct pin_guard *guard, char text[TEXT_MAX])
{
    int folder = open_folder(guard);
    bool is_read = folder >= 0 && read_text(folder, text);
    if (folder >= 0)
        (void)close(folder);
    return is_read;
}

/* Under the lock, of a PIN that is not known to be good. */
static enum error enter(struct pin_guard *guard, struct fault *fault)
{
    char text[TEXT_MAX];
    if (!read_file(guard, text))
        return fail_file(fault);
    guard->was_good = strcmp(text, ACCEPTED) == 0;
    if (!guard->was_good && is_refusal(text, &guard->lost))
        return refuse_before(fault);
    if (guard->lost >= LOST_MAX)
        return refuse_unconfirmed(0, fault);
    return guard->was_good || write_tries(guard, guard->lost + 1) ? ERR_OK : fail_file(fault);
}

enum error pin_guard_enter(struct pin_guard *guard, struct fault *fault)
{
    (void)pthread_mutex_lock(&guard->lock);
    enum error e = guard->is_good ? ERR_OK : enter(guard, fault);
    (void)pthread_mutex_unlock(&guard->lock);
    return e;
}

void pin_guard_confirm(struct pin_guard *guard)
{
    (void)pthread_mutex_lock(&guard->lock);
    if (!guard->is_good && !guard->was_good)
        (void)replace_text(guard, ACCEPTED); /* if not: the next start counts one try too many */
    guard->is_good = true;
    (void)pthread_mutex_unlock(&guard->lock);
}

/* Under the lock. What the module itself names is no refusal of a PIN that it has accepted. */
static bool count_lost(struct pin_guard *guard, const struct fault *fault)
{
    bool is_answered = fault->native != 0;
    if (guard->is_good || (guard->was_good && is_answered))
        return false;
    return ++guard->lost >= LOST_MAX;
}

enum error pin_guard_fail(struct pin_guard *guard, bool was_tried, struct fault *fault)
{
    bool is_over = false;
    (void)pthread_mutex_lock(&guard->lock);
    if (was_tried && fault->code == ERR_HSM_PIN_REFUSED)
        (void)replace_text(guard, REFUSED);
    else if (was_tried)
        is_over = count_lost(guard, fault);
    else if (!guard->is_good && !guard->was_good)
        (void)write_tries(guard, guard->lost); /* as it was: nothing was spent */
    (void)pthread_mutex_unlock(&guard->lock);
    return is_over ? refuse_unconfirmed(fault->native, fault) : fault->code;
}

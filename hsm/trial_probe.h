/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a probe of a trial (trial.h) is and has. Internal to hsm/.
 *
 * A probe runs in a child process of its own: it opens the module, makes its calls, says one result
 * and returns. Threads: the child has one.
 */
#ifndef HSM_TRIAL_PROBE_H
#define HSM_TRIAL_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hsm/p11.h"
#include "hsm/trial.h"

#define TRIAL_TEXT_MAX   400 /* bytes of a finding or an advice, with NUL */
#define TRIAL_REASON_MAX 40
#define TRIAL_LABEL_SIZE 40
#define TRIAL_NONE       ((unsigned long)-1)

enum trial_state {
    TRIAL_UNTRIED,
    TRIAL_WORKS,
    TRIAL_LIMITED, /* works, and there is something to know */
    TRIAL_NO,
    TRIAL_HANGS,
    TRIAL_CRASHES
};

/* What the service cannot do without it. */
enum trial_need {
    TRIAL_FOR_ALL,      /* anything */
    TRIAL_FOR_MODE,     /* anything, unless the other mode works */
    TRIAL_FOR_GOVERNED, /* governed products */
    TRIAL_FOR_PART,     /* a part that the verdict names */
    TRIAL_FOR_NOTHING   /* good to know */
};

struct trial;

struct trial_probe {
    const char *id;
    const char *section;
    const char *title; /* at most 28 characters */
    enum trial_need need;
    const char *after; /* the probe that must have worked before; NULL for none */
    void (*run)(struct trial *trial);
    unsigned long mechanism; /* TRIAL_NONE: none in particular */
    unsigned long flags;     /* that the module must list for it */
};

/* All of them in their order; the last one clears up. */
extern const struct trial_probe TRIAL_PROBES[];
extern const unsigned TRIAL_PROBES_COUNT;
extern const char TRIAL_SPEED[]; /* the section of those that measure */

/* What a child knows and owns. The parent's copy has no open module. */
struct trial {
    const struct config_hsm *config;
    const struct secret *pin;
    const struct trial_probe *probe;
    char label[TRIAL_LABEL_SIZE]; /* of all that this run makes in the token */
    char probe_label[TRIAL_LABEL_SIZE + sizeof ".probe"];
    int token_lock;
    int out;              /* the pipe to the parent */
    enum hsm_mode mode;   /* that worked; 0 before */
    int64_t object_count; /* in the token at the beginning; -1 before it was counted */
    struct p11 p11;       /* opened by the child */
    bool is_listed;       /* the module lists the probe's mechanism with its flags */
};

/* ---- trial_child.c: what every probe needs ---- */

/* One result; the text is cleaned and cut. */
void trial_say(const struct trial *trial, enum trial_state state, const char *reason,
               const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* TRIAL_NO with the fault's return value or reason, and what that means. */
void trial_say_fault(const struct trial *trial, const struct fault *fault);
void trial_say_detail(const struct trial *trial, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A number that the parent keeps for the probes that follow. */
void trial_say_number(const struct trial *trial, int64_t number);

/* Opens the module and logs in, one process at a time. trial_close is the caller's also when it
 * fails. */
enum error trial_open(struct trial *trial, struct fault *fault) MUST_USE;
/* As trial_open, and says the fault when it fails. */
bool trial_begin(struct trial *trial);
/* As trial_open without a login. */
enum error trial_find_token(struct trial *trial, struct fault *fault) MUST_USE;
void trial_close(struct trial *trial);

/* A firmware key as a session object, known to p11 under *ret_id. */
enum error trial_make_firmware_key(struct trial *trial, struct hsm_key_id *ret_id,
                                   struct fault *fault) MUST_USE;
/* What p11_make_* is asked for: a fresh id, the trial's label. */
struct p11_new_key trial_new_key(const struct trial *trial, bool is_session);

/* ---- trial_helper.c: a second process, started before the module is opened ---- */

struct trial_helper {
    pid_t pid;
    int link;
};

/* What the helper does when it is asked for that step. */
typedef enum error (*trial_step)(struct trial *trial, int step, int64_t *ret_number,
                                 struct fault *fault);

/* The helper serves until the link closes. False, with a result said, when it cannot start. */
bool trial_helper_start(struct trial *trial, trial_step step, struct trial_helper *ret_helper);
/* Begins a step; trial_helper_answer waits for its end. */
void trial_helper_ask(const struct trial_helper *helper, int step);
enum error trial_helper_answer(const struct trial_helper *helper, int64_t *ret_number,
                               struct fault *fault) MUST_USE;
/* Both. */
enum error trial_helper_do(const struct trial_helper *helper, int step,
                           struct fault *fault) MUST_USE;
void trial_helper_end(struct trial_helper *helper);

/* ---- the probes ---- */

/* trial_module.c */
void trial_load(struct trial *trial);
void trial_token(struct trial *trial);
void trial_login(struct trial *trial);
void trial_leftovers(struct trial *trial);
void trial_as_before(struct trial *trial);
/* trial_keys.c */
void trial_random(struct trial *trial);
void trial_session_keys(struct trial *trial);
void trial_firmware_key(struct trial *trial);
void trial_stays_inside(struct trial *trial);
void trial_checkpoint_key(struct trial *trial);
void trial_transport_key(struct trial *trial);
/* trial_license.c */
void trial_key_wrap(struct trial *trial);
void trial_host_mode(struct trial *trial);
void trial_token_mode(struct trial *trial);
void trial_p384(struct trial *trial);
void trial_hkdf(struct trial *trial);
void trial_concat(struct trial *trial);
void trial_x25519(struct trial *trial);
void trial_seal(struct trial *trial);
void trial_rsa(struct trial *trial);
void trial_license(struct trial *trial);
void trial_image_records(struct trial *trial);
void trial_image_parts(struct trial *trial);
void trial_image_large(struct trial *trial);
void trial_image_cbc(struct trial *trial);
void trial_image_ctr(struct trial *trial);
void trial_image_gcm16(struct trial *trial);
/* trial_processes.c */
void trial_seen(struct trial *trial);
void trial_processes(struct trial *trial);
void trial_sessions(struct trial *trial);
void trial_data(struct trial *trial);
void trial_anchor(struct trial *trial);
/* trial_speed.c */
void trial_speed_session_keys(struct trial *trial);
void trial_speed_unwraps(struct trial *trial);
void trial_speed_licenses(struct trial *trial);
void trial_speed_signatures(struct trial *trial);
void trial_speed_images(struct trial *trial);

#endif

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One child, its standard output, our signals meanwhile. Owns no state. */
#include "cli/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM        "provision-hsm"
#define PIN_FD         3
#define LINE_MAX_BYTES 4096
#define TICK_MS        1000
#define CHILD_FAILED   127
#define ARGUMENTS_MAX  20
#define DEFAULT_CONFIG "/etc/provisiond/provisiond.conf"
#define TIMEOUT_MAX_S  3600

struct child {
    const char *argv[ARGUMENTS_MAX];
    char program[PATH_MAX];
    int pin_fd; /* -1: none */
    pid_t pid;
    int output;
    int signals; /* signalfd */
    sigset_t old_mask;
};

/* ---- the command line ---- */

static enum error check_options(const struct arguments *arguments, struct failure *failure)
{
    const bool has_module = arguments_has(arguments, OPTION_MODULE);
    int64_t seconds = 0;
    if (has_module != arguments_has(arguments, OPTION_TOKEN))
        return failure_set_usage(failure, "--module and --token belong together");
    if (has_module && arguments_has(arguments, OPTION_HSM_CONFIG))
        return failure_set_usage(failure, "Give --config, or --module and --token");
    if (!has_module && arguments_has(arguments, OPTION_MODULE_ARGUMENTS))
        return failure_set_usage(failure, "--module-arguments wants --module and --token");
    return arguments_has(arguments, OPTION_TRIAL_TIMEOUT)
               ? arguments_get_number(arguments, OPTION_TRIAL_TIMEOUT, 1, TIMEOUT_MAX_S, &seconds,
                                      failure)
               : ERR_OK;
}

static void add(struct child *child, const char *name, const char *value)
{
    size_t count = 0;
    while (child->argv[count] != NULL)
        count++;
    child->argv[count] = name;
    child->argv[count + 1] = value;
}

static void add_options(struct child *child, const struct arguments *arguments)
{
    static const struct {
        enum option_id option;
        const char *name;
    } handed_on[] = {
        {OPTION_HSM_CONFIG, "--config"}, {OPTION_MODULE, "--module"},
        {OPTION_TOKEN, "--token"},       {OPTION_MODULE_ARGUMENTS, "--module-arguments"},
        {OPTION_RUN_AS, "--user"},       {OPTION_TRIAL_TIMEOUT, "--timeout"}};
    child->argv[0] = PROGRAM;
    child->argv[1] = "--trial";
    for (size_t i = 0; i < sizeof handed_on / sizeof handed_on[0]; i++) {
        if (arguments_has(arguments, handed_on[i].option))
            add(child, handed_on[i].name, arguments_get(arguments, handed_on[i].option));
    }
    if (!arguments_has(arguments, OPTION_MODULE) && !arguments_has(arguments, OPTION_HSM_CONFIG))
        add(child, "--config", DEFAULT_CONFIG);
    if (arguments_has(arguments, OPTION_NO_SPEEDS))
        add(child, "--speeds", "0");
    if (child->pin_fd >= 0)
        add(child, "--pin-fd", "3");
}

static enum error open_pin(const struct arguments *arguments, struct child *child,
                           struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_PIN_FILE);
    child->pin_fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (path != NULL && child->pin_fd < 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", path,
                                 strerror(errno));
    return ERR_OK;
}

/* ---- the program ---- */

/* Beside provctl, or in the sbin beside its folder; PATH is anybody's. */
static enum error find_program(struct child *child, struct failure *failure)
{
    static const char *const places[] = {"/" PROGRAM, "/../sbin/" PROGRAM};
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (slash != NULL)
        *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int size = snprintf(child->program, sizeof child->program, "%s%s", own, places[i]);
        if (size > 0 && (size_t)size < sizeof child->program && access(child->program, X_OK) == 0)
            return ERR_OK;
    }
    return failure_set_plain(failure, ERR_CONFIG,
                             PROGRAM " is not on this machine: install the package provisiond, "
                                     "which is what tries the module");
}

/* A process group of its own: an interrupt from the terminal is ours to hand on. */
static _Noreturn void execute(const struct child *child, int output)
{
    (void)setpgid(0, 0);
    (void)sigprocmask(SIG_SETMASK, &child->old_mask, NULL);
    (void)close_range(PIN_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    bool is_good = dup2(output, STDOUT_FILENO) >= 0;
    if (is_good && child->pin_fd >= 0 && child->pin_fd != PIN_FD)
        is_good = dup2(child->pin_fd, PIN_FD) >= 0;
    else if (is_good && child->pin_fd == PIN_FD)
        is_good = fcntl(PIN_FD, F_SETFD, 0) == 0;
    if (is_good)
        (void)execv(child->program, (char *const *)(uintptr_t)child->argv);
    _exit(CHILD_FAILED);
}

static enum error start(struct child *child, struct failure *failure)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return failure_set_plain(failure, ERR_CONFIG, PROGRAM " cannot be run: %s",
                                 strerror(errno));
    child->pid = fork();
    if (child->pid == 0)
        execute(child, ends[1]);
    (void)close(ends[1]);
    child->output = ends[0];
    return child->pid > 0 ? ERR_OK
                          : failure_set_plain(failure, ERR_CONFIG, PROGRAM " cannot be run: %s",
                                              strerror(errno));
}

/* ---- what it says ---- */

struct hearing {
    char line[LINE_MAX_BYTES];
    size_t length;
    bool has_verdict;
};

static void take_line(struct hearing *hearing, const struct trial_ear *ear)
{
    struct trial_line line;
    char *rest = hearing->line;
    for (size_t i = 0; i < TRIAL_FIELDS_MAX; i++) {
        char *field = strsep(&rest, "\t");
        line.field[i] = field != NULL ? field : "";
    }
    hearing->has_verdict = hearing->has_verdict || strcmp(line.field[0], "verdict") == 0;
    ear->hear(ear->context, &line);
}

/* Lines that are too long are cut. */
static void take_bytes(struct hearing *hearing, const struct trial_ear *ear, const char *bytes,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            hearing->line[hearing->length] = '\0';
            hearing->length = 0;
            take_line(hearing, ear);
        } else if (hearing->length < sizeof hearing->line - 1) {
            hearing->line[hearing->length++] = bytes[i];
        }
    }
}

static void hand_on(const struct child *child)
{
    struct signalfd_siginfo info;
    if (read(child->signals, &info, sizeof info) == sizeof info)
        (void)kill(child->pid, SIGINT);
}

/* Every probe of the trial has a deadline, so this ends. */
static void listen_to(const struct child *child, const struct trial_ear *ear,
                      struct hearing *hearing)
{
    struct pollfd entries[] = {{.fd = child->output, .events = POLLIN},
                               {.fd = child->signals, .events = POLLIN}};
    char bytes[LINE_MAX_BYTES];
    ssize_t n = 1;
    while (n > 0) {
        int ready = poll(entries, 2, TICK_MS);
        if (ready == 0)
            ear->wait(ear->context);
        if (ready > 0 && entries[1].revents != 0)
            hand_on(child);
        if (ready <= 0 || entries[0].revents == 0)
            continue;
        n = read(child->output, bytes, sizeof bytes);
        if (n > 0)
            take_bytes(hearing, ear, bytes, (size_t)n);
    }
}

static enum error hear_all(struct child *child, const struct trial_ear *ear,
                           struct failure *failure)
{
    struct hearing hearing = {.length = 0};
    int status = 0;
    enum error e = start(child, failure);
    if (e != ERR_OK)
        return e;
    listen_to(child, ear, &hearing);
    (void)close(child->output);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!hearing.has_verdict)
        return failure_set_plain(failure, ERR_CONFIG,
                                 PROGRAM " ended before it gave a verdict: run the check again; it "
                                         "clears up what this one left in the token");
    return ERR_OK;
}

static enum error watch_signals(struct child *child, struct failure *failure)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, &child->old_mask);
    child->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return child->signals >= 0
               ? ERR_OK
               : failure_set_plain(failure, ERR_INTERNAL, "Signals cannot be waited for: %s",
                                   strerror(errno));
}

enum error trial_execute(const struct arguments *arguments, const struct trial_ear *ear,
                         struct failure *failure)
{
    struct child child = {.pin_fd = -1, .signals = -1};
    enum error e = check_options(arguments, failure);
    if (e == ERR_OK)
        e = find_program(&child, failure);
    if (e == ERR_OK)
        e = open_pin(arguments, &child, failure);
    if (e != ERR_OK)
        return e;
    add_options(&child, arguments);
    e = watch_signals(&child, failure);
    if (e == ERR_OK)
        e = hear_all(&child, ear, failure);
    if (child.signals >= 0)
        (void)close(child.signals);
    (void)sigprocmask(SIG_SETMASK, &child.old_mask, NULL);
    if (child.pin_fd >= 0)
        (void)close(child.pin_fd);
    return e;
}

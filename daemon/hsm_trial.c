/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start of a trial: its command line, the user that it becomes, the PIN. What it finds goes to
 * standard output in the lines of hsm/trial.h; it loads no module itself.
 */
#include "daemon/hsm_trial.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/secret.h"
#include "daemon/daemon.h"
#include "hsm/hsm_server.h"
#include "hsm/trial.h"

#define SERVICE_USER      "provision-hsm"
#define DEFAULT_WORKERS   2
#define DEFAULT_TIMEOUT_S 60
#define TIMEOUT_MAX_S     3600
#define ASK_SERVICE_MS    5000
#define FD_MAX            (1 << 20)

struct line {
    const char *config; /* or else module and token */
    const char *module;
    const char *token;
    const char *module_arguments;
    const char *user;
    long pin_fd; /* -1: none */
    long timeout_s;
    long speeds; /* 0: nothing is measured */
};

/* ---- the command line ---- */

static bool parse_number(const char *text, long min, long max, long *ret_number)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max)
        return false;
    *ret_number = number;
    return true;
}

static bool take_option(struct line *line, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } texts[] = {{"--config", &line->config},
                 {"--module", &line->module},
                 {"--token", &line->token},
                 {"--module-arguments", &line->module_arguments},
                 {"--user", &line->user}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].place = value;
            return true;
        }
    }
    if (strcmp(name, "--pin-fd") == 0)
        return parse_number(value, 0, FD_MAX, &line->pin_fd);
    if (strcmp(name, "--speeds") == 0)
        return parse_number(value, 0, 1, &line->speeds);
    return strcmp(name, "--timeout") == 0 &&
           parse_number(value, 1, TIMEOUT_MAX_S, &line->timeout_s);
}

static bool parse(int argc, char **argv, struct line *ret_line)
{
    struct line line = {
        .pin_fd = -1, .timeout_s = DEFAULT_TIMEOUT_S, .speeds = 1, .module_arguments = ""};
    for (int i = 0; i < argc; i += 2) {
        if (i + 1 == argc || !take_option(&line, argv[i], argv[i + 1]))
            return false;
    }
    if ((line.config != NULL) == (line.module != NULL && line.token != NULL))
        return false;
    *ret_line = line;
    return true;
}

/* ---- what is tried ---- */

static bool copy(char *out, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

static enum error configure(const struct line *line, struct config *ret_config,
                            char problem[CONFIG_PROBLEM_MAX])
{
    struct config_hsm *hsm = &ret_config->hsm;
    if (line->config != NULL)
        return config_load(line->config, CONFIG_HSM, ret_config, problem);
    *ret_config = (struct config){.hsm = {.workers = DEFAULT_WORKERS}};
    if (copy(hsm->module, sizeof hsm->module, line->module) &&
        copy(hsm->token, sizeof hsm->token, line->token) &&
        copy(hsm->module_arguments, sizeof hsm->module_arguments, line->module_arguments))
        return ERR_OK;
    (void)snprintf(problem, CONFIG_PROBLEM_MAX,
                   "The module's path or arguments, or the token's label, are too long.");
    return ERR_CONFIG;
}

/* SoftHSM loses objects when two programs use a token, and a check would slow the factory down. */
static enum error check_service(const struct line *line, const struct config_hsm *config,
                                struct fault *fault)
{
    struct fault ignored = {0};
    if (line->config == NULL ||
        hsm_probe(config->socket, deadline_in(ASK_SERVICE_MS), &ignored) != ERR_OK)
        return ERR_OK;
    return fault_set(
        fault, ERR_CONFLICT, "service-runs",
        "provision-hsm serves with this configuration now: stop it first (systemctl stop "
        "provision-hsm), or check another token with --module and --token.",
        0);
}

/*
 * A vendor's module needs no root, and SoftHSM's files must stay the service's. Whoever is not root
 * stays who he is.
 */
static enum error become_user(const char *name, struct fault *fault)
{
    const bool is_asked = name != NULL;
    if (geteuid() != 0 && !is_asked)
        return ERR_OK;
    const struct passwd *user = getpwnam(is_asked ? name : SERVICE_USER);
    if (user == NULL && !is_asked)
        return ERR_OK; /* not installed: a trial on a desk */
    if (user == NULL)
        return fault_set(fault, ERR_BAD_REQUEST, "user-unknown",
                         "There is no user of the name of --user.", 0);
    if (user->pw_uid == geteuid())
        return ERR_OK;
    if (initgroups(user->pw_name, user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return fault_set(fault, ERR_FORBIDDEN, "user", "Only root can become the user of --user.",
                         errno);
    return ERR_OK;
}

static enum error read_pin(long fd, struct secret *ret_pin, struct fault *fault)
{
    if (fd < 0)
        return ERR_OK;
    enum error e = secret_read_pin((int)fd, ret_pin, fault);
    (void)close((int)fd);
    return e;
}

/* The result of what could not be begun; the reason is for machines, the sentence for people. */
static int refuse(const char *sentence)
{
    (void)printf("verdict\tuntried\t%s\n", sentence);
    return EXIT_SUCCESS;
}

int hsm_trial_main(int argc, char **argv)
{
    struct line line;
    struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    struct fault fault = {0};
    SECRET_AUTO pin = {0};
    if (!parse(argc, argv, &line)) {
        (void)fputs("provision-hsm: --trial is for provctl hsm check\n", stderr);
        return EXIT_FAILURE;
    }
    if (configure(&line, &config, problem) != ERR_OK)
        return refuse(problem);
    enum error e = check_service(&line, &config.hsm, &fault);
    if (e == ERR_OK)
        e = become_user(line.user, &fault);
    if (e == ERR_OK)
        e = daemon_start("provision-hsm-trial", LOG_LEVEL_ERROR, &fault);
    if (e == ERR_OK)
        e = read_pin(line.pin_fd, &pin, &fault);
    if (e == ERR_OK)
        e = hsm_check(&config.hsm, &fault);
    const struct trial_options options = {.config = &config.hsm,
                                          .pin = &pin,
                                          .deadline_s = (unsigned)line.timeout_s,
                                          .has_no_speeds = line.speeds == 0,
                                          .out = STDOUT_FILENO};
    if (e == ERR_OK)
        e = trial_run(&options, &fault);
    return e == ERR_OK ? EXIT_SUCCESS : refuse(fault.detail);
}

/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is made of the section [api] at a start and at a reload.
 *
 * A reload makes a copy of the section, and the copies stay until the end: whoever reads one may
 * hold it for as long as a request takes. Threads: values and pure functions.
 */
#ifndef API_SETTINGS_H
#define API_SETTINGS_H

#include "api/lobby.h"
#include "api/rate.h"
#include "config/config.h"

struct setting {
    struct setting *next; /* the one before */
    struct config_api config;
};

struct rate_options settings_rate(const struct config_api *config);
/* Of those who are refused for who they are: nothing of them is under way for long. */
struct rate_options settings_strangers(const struct config_api *config);
struct lobby_options settings_lobby(const struct config_api *config);

#endif

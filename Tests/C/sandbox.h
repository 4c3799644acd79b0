/* For the tests that need a server: the sandbox gateway that Tests/C/run has started. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdlib.h>
#include "check.h"

/* Long enough for any machine; only a test that fails waits so long. */
#define PATIENCE_MS 30000

/* A config for the sandbox, or an exit with a failure when there is none. */
static sg_config *sandbox_config(void) {
    const char *api = getenv("SANDBOX_API"), *ca = getenv("SANDBOX_CA");
    sg_config *config;
    if (!api || !ca) {
        printf("SANDBOX_API and SANDBOX_CA do not name a sandbox gateway: Tests/C/run sets them\n");
        exit(2);
    }
    config = sg_config_new("sandbox-token", SG_INTENT_GUILDS);
    WORKS(sg_config_set_api_url(config, api));
    WORKS(sg_config_set_ca_file(config, ca));
    WORKS(sg_config_set_backoff(config, 10, 100));
    WORKS(sg_config_set_identify_interval(config, 0));
    return config;
}

#endif

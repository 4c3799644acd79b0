#ifndef SWIFTGATEWAY_H
#define SWIFTGATEWAY_H
const char *sg_version(void);
#endif

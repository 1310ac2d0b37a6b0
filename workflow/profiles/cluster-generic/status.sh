#!/bin/sh
# Say what has become of the job of this number: running, success or failed.
# A scheduler that does not answer is asked again; a job that it no longer knows has failed.
answer=$(squeue --jobs "$1" --states all --noheader --format %T 2>&1)
case $answer in
COMPLETED) echo success ;;
BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | TIMEOUT | *"Invalid job id"* | "") echo failed ;;
*) echo running ;;
esac

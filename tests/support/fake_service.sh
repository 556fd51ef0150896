#!/bin/sh
# A service for the tests of ginit: fake_service.sh -o FILE [-a NAME] [--validate]. Words in its config say what it does:
#   invalid    the validation fails                 crash    ends at once
#   complain   says an error before it crashes
#   name       says which file it was started with
#   hang       is never healthy                     stubborn does not end when it is asked to
#   signs      writes its checksum file, and takes a new config on SIGHUP; unless the new one says `refused`
file=$2
name=$4
says() { grep -q "$1" "$file"; }
sign="$GECHOLOG_HOME/checksum/.${name}_config.sha256"
sign() {
    mkdir -p "$GECHOLOG_HOME/checksum"
    printf %s "$(sha256sum "$file" | cut -c1-64)" >"$sign.new" && mv "$sign.new" "$sign"
}
case "$*" in
    *--validate*)
        says invalid || exit 0
        echo "this is invalid in $file" >&2
        exit 1
        ;;
esac
reload() {
    if says refused; then
        echo '{"level":"ERROR","msg":"config not taken","reason":"because"}'
    else
        sign
        echo "took $(cat "$file")"
    fi
}
end() {
    echo "end of $name"
    rm -f "$sign"
    exit 0
}
says name && echo "the config is in $file"
says complain && echo '{"level":"ERROR","msg":"cannot go on","reason":"the dog ate it"}'
says crash && { echo "crash of $name"; exit 3; }
trap end TERM
says stubborn && trap '' TERM
trap '' HUP
if says signs; then
    sign
    trap reload HUP
fi
says hang || echo "$name is ready"
while :; do
    sleep 0.05 &
    wait $!
done

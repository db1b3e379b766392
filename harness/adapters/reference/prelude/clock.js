// Time stands still within a turn: every clock a Worker can read gives the moment its event arrived.

/** The clock of the current turn, in milliseconds since 1970; dispatch sets it. */
const clock = { nowMs: 0 };

const realDateToString = uncurryThis(RealDate.prototype.toString);

/** Date over the frozen clock; everything but "now" is V8's. The prototype is shared, so `instanceof` holds. */
const Date = function Date(...parts) {
  if (new.target === undefined) return realDateToString(new RealDate(clock.nowMs));
  return reflectConstruct(RealDate, parts.length === 0 ? [clock.nowMs] : parts, new.target);
};
{
  const { now } = { now() { return clock.nowMs; } };
  defineProperty(Date, "length", { value: 7, configurable: true });
  defineProperty(Date, "prototype", { value: RealDate.prototype, writable: false });
  defineProperty(Date, "now", hidden(now));
  defineProperty(Date, "parse", hidden(RealDate.parse));
  defineProperty(Date, "UTC", hidden(RealDate.UTC));
  defineProperty(RealDate.prototype, "constructor", hidden(Date));
}

// Intl.DateTimeFormat reads the real clock when it is given no date.
{
  const formatter = Intl.DateTimeFormat.prototype;
  const getFormat = uncurryGetter(formatter, "format");
  const formatToParts = uncurryThis(formatter.formatToParts);
  const formats = new WeakMap();
  const wrapped = {
    get format() {
      const format = getFormat(this);
      let frozen = weakMapGet(formats, format);
      if (frozen === undefined) {
        frozen = (date) => format(date === undefined ? clock.nowMs : date);
        weakMapSet(formats, format, frozen);
      }
      return frozen;
    },
    formatToParts(date) { return formatToParts(this, date === undefined ? clock.nowMs : date); },
  };
  defineProperty(formatter, "format", { get: getOwnPropertyDescriptor(wrapped, "format").get });
  defineProperty(formatter, "formatToParts", { value: wrapped.formatToParts });
}

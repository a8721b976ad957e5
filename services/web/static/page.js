// On every page: times in the reader's zone, kept up to date.
import { tellTimes } from "./dom.js";

tellTimes();
setInterval(() => tellTimes(), 10_000);

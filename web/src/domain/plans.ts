// What the plan stage says beside a course of action.

/** What stands beside the newest course of an incident; only what the page shows of it. */
export interface CourseOptions {
  id: string;
  t_us: number;
  answers: {
    response: string;
    /** The exit that nobody leaves by from which the incident is reached soonest; "" where there is none. */
    responders_exit: string;
    responders_s: number | null;
  }[];
}

/** How the ordered course of an incident is kept; curves are (seconds since the order, people through). */
export interface Watch {
  id: string;
  t_us: number;
  course_id: string;
  t_start_us: number;
  /** Up to which second the counts reach. */
  seconds: number;
  off_plan: string[];
  exits: {
    exit: string;
    planned: [number, number][];
    counted: [number, number][];
    /** Share of the plan, signed; unknown where nobody counts. */
    off: number | null;
    capacity_per_min: number;
    measured_per_min: number | null;
  }[];
}

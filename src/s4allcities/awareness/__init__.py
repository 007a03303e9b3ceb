"""Twin 3: context, risk, alarms, response and the operational picture."""

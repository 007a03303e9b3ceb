"""The shared vocabulary: frozen structs, units, ids and the seams that plug-ins satisfy."""

// Different colours on the map, read while its drawing buffer still holds them.
() =>
  new Promise((resolve) => {
    const map = window.__s4.map;
    map.once('render', () => {
      const gl = map.getCanvas().getContext('webgl2');
      const { drawingBufferWidth: width, drawingBufferHeight: height } = gl;
      const pixels = new Uint8Array(width * height * 4);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      const colours = new Set();
      for (let at = 0; at < pixels.length; at += 4 * 37)
        colours.add((pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2]);
      resolve(colours.size);
    });
    map.triggerRepaint();
  })

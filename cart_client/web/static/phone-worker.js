// Reads DataMatrix and QR codes in one picture at a time. The picture comes from the page, and nothing of it goes anywhere else.
"use strict";
let ready = null;

function prepare({ library, wasm }) {
  importScripts(library);
  // Our own copy of the decoder: without this the library would fetch one from elsewhere.
  ready = self.ZXingWASM.prepareZXingModule({
    overrides: { locateFile: (name, prefix) => (name.endsWith(".wasm") ? wasm : prefix + name) },
    fireImmediately: true,
  });
  return ready;
}

const OPTIONS = {
  // "QRCode" would be Micro QR too, which a partly seen QR code is taken for and which hardly checks itself.
  formats: ["DataMatrix", "QRCodeModel2"],
  tryHarder: true,
  tryRotate: true,
  tryInvert: true,
  tryDownscale: true,
  maxNumberOfSymbols: 8,
  returnErrors: true,
  textMode: "Plain",
};

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

self.onmessage = async ({ data }) => {
  try {
    if (data.library) {
      await prepare(data);
      self.postMessage({ ready: true });
      return;
    }
    await ready;
    const image = new ImageData(new Uint8ClampedArray(data.pixels), data.width, data.height);
    const found = await self.ZXingWASM.readBarcodes(image, OPTIONS);
    const symbols = [];
    let unread = 0;
    for (const one of found) {
      // Raw bytes, GS kept: the library's text is written for people.
      if (one.isValid && one.bytes.length) symbols.push([one.symbologyIdentifier, base64(one.bytes)]);
      else unread += 1;
    }
    self.postMessage({ symbols, unread });
  } catch (error) {
    self.postMessage({ broken: String(error) });
  }
};

<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<!-- Solar Saliency: attribution: blue lowered the answer, red raised it; clear at zero, a quarter clear at ±$range and beyond, so that the image shows. -->
<qgis styleCategories="Symbology" version="3.22.0">
  <pipe>
    <provider>
      <resampling enabled="false" maxOversampling="2" zoomedInResamplingMethod="nearestNeighbour" zoomedOutResamplingMethod="nearestNeighbour"/>
    </provider>
    <rasterrenderer type="singlebandpseudocolor" band="1" alphaBand="-1" opacity="1" nodataColor="" classificationMin="-$range" classificationMax="$range">
      <minMaxOrigin>
        <limits>None</limits>
        <extent>WholeRaster</extent>
        <statAccuracy>Estimated</statAccuracy>
      </minMaxOrigin>
      <rastershader>
        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" labelPrecision="6" minimumValue="-$range" maximumValue="$range">
          <item value="-$range" label="$low" color="#0039b3" alpha="190"/>
          <item value="-1e-30" label="0" color="#4da3ff" alpha="0"/>
          <item value="1e-30" label="0" color="#ff7a4d" alpha="0"/>
          <item value="$range" label="$high" color="#b30015" alpha="190"/>
          <rampLegendSettings useContinuousLegend="1" orientation="2" direction="0" prefix="" suffix="" minimumLabel="$low" maximumLabel="$high"/>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
  <blendMode>0</blendMode>
</qgis>

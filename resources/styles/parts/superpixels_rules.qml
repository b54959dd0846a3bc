      <rule key="{$key-outline}" symbol="$key-outline" label="superpixel"/>
      <rule key="{$key-raised}" symbol="$key-raised" filter="&quot;phi&quot; &gt; 0" label="raised the answer (full colour from $full on)"/>
      <rule key="{$key-lowered}" symbol="$key-lowered" filter="&quot;phi&quot; &lt; 0" label="lowered the answer"/>
      <rule key="{$key-unclear}" symbol="$key-unclear" filter="&quot;sign&quot; = 'unclear'" label="sign not clear: the interval holds zero"/>
